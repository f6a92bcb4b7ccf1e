//! What becomes of the members of records that are written alike, found out once.

use super::layout::{Layout, LeafId, NodeId};
use crate::data::ColumnType;
use crate::readers::json::object::{Kin, Member};
use crate::table::Table;

/// Where the members of records of one kin go.
#[derive(Debug, Default)]
pub(crate) struct Routine {
    kin: Option<Kin>,
    /// Empty until a second record of the kin has come.
    lanes: Vec<Lane>,
}

/// Where one member goes.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Nothing if nobody wants it.
    pub(crate) node: Option<NodeId>,
    /// Of a node that has one column.
    pub(crate) goal: Option<Goal>,
}

/// Where a value of a node goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) leaf: LeafId,
    /// Index of the column.
    pub(crate) target: usize,
    pub(crate) column_type: ColumnType,
}

impl Routine {
    /// Returns the lanes of a kin, one for each member, if they are known.
    pub(crate) fn lanes(&self, kin: Kin) -> Option<&[Lane]> {
        (self.kin == Some(kin) && !self.lanes.is_empty()).then_some(&self.lanes)
    }

    /// Finds the lanes of a kin whose record has just been taken in the careful way.
    pub(crate) fn learn(
        &mut self,
        kin: Kin,
        (text, members): (&str, &[Member]),
        layout: &Layout,
        table: &Table,
    ) {
        if self.kin.replace(kin) != Some(kin) {
            self.lanes.clear();
            return;
        }
        self.lanes.clear();
        for (position, member) in members.iter().enumerate() {
            let node = layout.child(NodeId::ROOT, position, member.key(text));
            let goal = node
                .and_then(|node| layout.only_leaf(node))
                .and_then(|leaf| table.goal(leaf));
            self.lanes.push(Lane { node, goal });
        }
    }
}
