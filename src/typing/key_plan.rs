//! What becomes of the members of records that are written alike, found out once.

use super::flatten;
use super::layout::{Layout, NodeId, Scope};
use super::projection::{Projection, Target};
use super::row::Row;
use crate::readers::json::object::{KeyOrder, Member};
use crate::readers::json::records::JsonRecord;
use crate::readers::position::DataProblem;

/// Where the members of records go whose keys come in one order.
#[derive(Debug, Default)]
pub(crate) struct KeyPlan {
    order: Option<KeyOrder>,
    /// Empty until a second record of that order has come.
    routes: Vec<Route>,
}

/// Where one member goes.
#[derive(Debug)]
struct Route {
    /// Nothing if nobody wants it.
    node: Option<NodeId>,
    /// Of a node that has one column.
    target: Option<Target>,
}

impl KeyPlan {
    /// Returns the routes for an order of keys, one for each member, if they are known.
    fn routes(&self, order: KeyOrder) -> Option<&[Route]> {
        (self.order == Some(order) && !self.routes.is_empty()).then_some(&self.routes)
    }

    /// Finds the routes for a record that has just been taken in the careful way.
    fn learn(
        &mut self,
        order: KeyOrder,
        (text, members): (&str, &[Member]),
        layout: &Layout,
        projection: &Projection,
    ) {
        if self.order.replace(order) != Some(order) {
            self.routes.clear();
            return;
        }
        self.routes.clear();
        for (position, member) in members.iter().enumerate() {
            let node = layout.child(NodeId::ROOT, position, member.key(text));
            let target = node
                .and_then(|node| layout.only_leaf(node))
                .and_then(|leaf| projection.target(leaf));
            self.routes.push(Route { node, target });
        }
    }
}

/// Takes one JSON record: along the plan if its keys come as in the one before, else carefully.
pub(crate) fn take<'r>(
    row: &mut Row<'_, 'r>,
    plan: &mut KeyPlan,
    record: &JsonRecord<'r>,
) -> Result<(), DataProblem> {
    let (Some(builder), Some(members), Some(order)) =
        (&row.builder, record.members, record.key_order)
    else {
        return flatten::json::record(row, record);
    };
    let projection = builder.projection;
    let members = (record.text, members);
    if let Some(routes) = plan.routes(order) {
        return follow(row, members, routes);
    }
    flatten::json::record(row, record)?;
    plan.learn(order, members, row.layout(), projection);
    Ok(())
}

/// Takes the members of a record along their routes.
fn follow<'r>(
    row: &mut Row<'_, 'r>,
    (text, members): (&'r str, &'r [Member]),
    routes: &[Route],
) -> Result<(), DataProblem> {
    for (member, route) in members.iter().zip(routes) {
        if let Some(target) = route.target
            && let Some(token) = member.token(text)
            && row.convert(target, token)
        {
            continue;
        }
        if let Some(node) = route.node {
            flatten::json::member(row, node, (text, member), Scope::All, 0)?;
        }
    }
    Ok(())
}
