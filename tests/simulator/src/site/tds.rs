//! The `.tds` of a data source: where its rows are, and what people made of it in Tableau.
//!
//! The text is what counts; it is read anew by whoever asks, so that a document somebody published comes back byte
//! by byte. A generated one has columns only if there is an engine that reads them.

mod node;

pub(super) use node::read;

use super::connections::{Connection, HYPER};
use super::engine::{Column, Table};
use super::{Datasource, Site};
use crate::xml::{Element, escape};
use node::Node;

/// What may stand behind the columns of a data source.
const BEHIND_COLUMNS: [&str; 6] = [
    "column-instance",
    "group",
    "drill-paths",
    "folders-common",
    "extract",
    "layout",
];

/// A calculated field of a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalculatedField {
    /// The name formulas use, such as `[Calculation_1]`.
    pub name: String,
    /// The name people see.
    pub caption: String,
    /// The formula.
    pub formula: String,
}

/// A column people see by another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// The column, such as `[order_id]`.
    pub column: String,
    /// The name people see.
    pub caption: String,
}

/// A folder of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The name.
    pub name: String,
    /// The fields in it, such as `[order_id]`.
    pub fields: Vec<String>,
}

impl Datasource {
    /// Returns the calculated fields.
    pub fn calculations(&self) -> Vec<CalculatedField> {
        let fields = columns(&self.tds).into_iter().filter_map(|column| {
            let calculation = column.child("calculation")?;
            Some(CalculatedField {
                name: column.attribute("name").to_owned(),
                caption: column.attribute("caption").to_owned(),
                formula: calculation.attribute("formula").to_owned(),
            })
        });
        fields.collect()
    }

    /// Returns the columns with another name, without calculated fields.
    pub fn captions(&self) -> Vec<Caption> {
        let renamed = columns(&self.tds).into_iter().filter(|column| {
            column.child("calculation").is_none() && !column.attribute("caption").is_empty()
        });
        renamed
            .map(|column| Caption {
                column: column.attribute("name").to_owned(),
                caption: column.attribute("caption").to_owned(),
            })
            .collect()
    }

    /// Returns the folders.
    pub fn folders(&self) -> Vec<Folder> {
        let Some(root) = read(&self.tds) else {
            return Vec::new();
        };
        let common = root.children_named("folders-common");
        common
            .flat_map(|common| common.children_named("folder"))
            .map(|folder| Folder {
                name: folder.attribute("name").to_owned(),
                fields: folder
                    .children_named("folder-item")
                    .map(|item| item.attribute("name").to_owned())
                    .collect(),
            })
            .collect()
    }

    /// Whether its rows are in a Hyper file that is no extract of something else.
    pub fn is_live(&self) -> bool {
        self.reads_one_file() && !self.has_extract()
    }

    /// Whether an extract stands between the data source and what it reads from.
    pub fn has_extract(&self) -> bool {
        read(&self.tds).is_some_and(|root| root.extract().is_some())
    }

    /// Where a package keeps the file of data; nothing if there is none.
    pub(super) fn member(&self) -> Option<String> {
        let path = read(&self.tds)?
            .carrier()?
            .attribute("dbname")
            .replace('\\', "/");
        let is_clean = !path.is_empty()
            && !path.starts_with('/')
            && !path.contains(':')
            && path.split('/').all(|step| !matches!(step, "" | "." | ".."));
        Some(if is_clean {
            path
        } else {
            member_for(&self.content_url)
        })
    }
}

impl Site {
    /// Adds a calculated field, as a person does in Tableau.
    ///
    /// # Panics
    ///
    /// If there is no such data source, or its description cannot be read.
    pub fn add_calculated_field(&mut self, luid: &str, caption: &str, formula: &str) {
        self.edit(luid, |tds| {
            let n = columns(tds).len() + 1;
            let column = Element::new("column")
                .with("caption", caption)
                .with("datatype", "real")
                .with("name", format!("[Calculation_{n:019}]"))
                .with("role", "measure")
                .with("type", "quantitative")
                .child(
                    Element::new("calculation")
                        .with("class", "tableau")
                        .with("formula", formula),
                );
            insert_column(tds, &column)
        });
    }

    /// Gives a column another name, as a person does in Tableau.
    ///
    /// # Panics
    ///
    /// If there is no such data source, or its description cannot be read.
    pub fn set_caption(&mut self, luid: &str, column: &str, caption: &str) {
        let name = format!("[{column}]");
        self.edit(luid, |tds| {
            let known = columns(tds)
                .into_iter()
                .find(|known| known.attribute("name") == name);
            let Some(known) = known else {
                let column = Element::new("column")
                    .with("caption", caption)
                    .with("datatype", "string")
                    .with("name", name)
                    .with("role", "dimension")
                    .with("type", "nominal");
                return insert_column(tds, &column);
            };
            let mut head = format!("<column caption=\"{}\"", escape(caption));
            for (key, value) in known.attributes.iter().filter(|(key, _)| key != "caption") {
                head += &format!(" {key}=\"{}\"", escape(value));
            }
            head += if known.tail.is_none() { " />" } else { ">" };
            tds.replace_range(known.head, &head);
            Some(())
        });
    }

    /// Puts fields into a new folder, as a person does in Tableau.
    ///
    /// # Panics
    ///
    /// If there is no such data source, or its description cannot be read.
    pub fn add_folder(&mut self, luid: &str, name: &str, fields: &[&str]) {
        let items = fields.iter().map(|field| {
            Element::new("folder-item")
                .with("name", format!("[{field}]"))
                .with("type", "field")
        });
        let folder = Element::new("folder").with("name", name).children(items);
        self.edit(luid, |tds| {
            let root = read(tds)?;
            let tail = root.child("folders-common").and_then(|common| common.tail);
            if let Some(tail) = tail {
                let at = line_of(tds, tail);
                tds.insert_str(at, &lines(&folder, 2));
            } else {
                let at = line_of(tds, root.start_of(&BEHIND_COLUMNS[4..])?);
                let common = Element::new("folders-common").child(folder);
                tds.insert_str(at, &lines(&common, 1));
            }
            Some(())
        });
    }

    /// Puts an extract between a data source and what it reads from, as a person does in Tableau.
    ///
    /// # Panics
    ///
    /// If there is no such data source, or its description cannot be read.
    pub fn add_extract(&mut self, luid: &str) {
        let slug = self
            .find_datasource(luid)
            .map(|datasource| datasource.content_url.clone())
            .unwrap_or_default();
        self.edit(luid, |tds| insert_extract(tds, &slug));
    }

    fn edit(&mut self, luid: &str, change: impl FnOnce(&mut String) -> Option<()>) {
        // Whoever looks before and after must see two times.
        self.clock.advance(self.settings.seconds);
        let (now, lag) = (self.now(), self.settings.index_lag);
        let found = self
            .datasources
            .iter_mut()
            .find(|datasource| datasource.luid == luid);
        let Some(datasource) = found else {
            panic!("there is no data source `{luid}`");
        };
        datasource.fall_behind(lag);
        datasource.updated_at = now;
        assert!(
            change(&mut datasource.tds).is_some(),
            "the description of `{}` cannot be read",
            datasource.name
        );
    }

    /// Takes a description somebody wrote; connections of the same classes keep their LUIDs.
    pub(super) fn adopt(&mut self, index: usize, tds: String) {
        let root = read(&tds);
        let origins = root.as_ref().map(Node::origins).unwrap_or_default();
        let kinds: Vec<&str> = origins
            .iter()
            .map(|origin| origin.attribute("class"))
            .collect();
        let known = self.datasources[index].connections.iter();
        if !known
            .map(|known| known.kind.as_str())
            .eq(kinds.iter().copied())
        {
            self.datasources[index].connections = self.connect(&kinds);
        }
        let datasource = &mut self.datasources[index];
        let connections = datasource.connections.iter_mut().zip(&origins);
        for (connection, origin) in connections.filter(|(known, _)| known.kind != HYPER) {
            origin
                .attribute("server")
                .clone_into(&mut connection.server_address);
            origin
                .attribute("port")
                .clone_into(&mut connection.server_port);
            origin
                .attribute("username")
                .clone_into(&mut connection.user_name);
        }
        kinds
            .first()
            .copied()
            .unwrap_or("tds")
            .clone_into(&mut datasource.kind);
        datasource.tds = tds;
    }

    /// Writes the description Tableau makes when nobody gives it one.
    pub(super) fn describe(
        &self,
        name: &str,
        slug: &str,
        connections: &[Connection],
        tables: &[Table],
    ) -> String {
        let handle = |connection: &Connection| {
            let (_, number) = connection.luid.rsplit_once('-').unwrap_or_default();
            format!("{}.{number}", connection.kind)
        };
        let named = connections.iter().map(|connection| {
            let within = if connection.kind == HYPER {
                file_connection(slug)
            } else {
                Element::new("connection")
                    .with("class", &connection.kind)
                    .with("port", &connection.server_port)
                    .with("server", &connection.server_address)
                    .with("username", &connection.user_name)
            };
            Element::new("named-connection")
                .with("caption", name)
                .with("name", handle(connection))
                .child(within)
        });
        let mut relations: Vec<Element> = connections
            .iter()
            .flat_map(|connection| {
                let tables = tables.iter();
                tables.map(move |table| relation(Some(handle(connection)), table))
            })
            .collect();
        let relation = if relations.len() == 1 {
            relations.pop()
        } else {
            let collection = Element::new("relation").with("type", "collection");
            Some(collection.children(relations))
        };
        let records: Vec<Element> = tables.iter().flat_map(records).collect();
        let records = Some(records).filter(|records| !records.is_empty());
        let federated = Element::new("connection")
            .with("class", "federated")
            .child(Element::new("named-connections").children(named))
            .children(relation)
            .children(records.map(|records| Element::new("metadata-records").children(records)));
        let datasource = Element::new("datasource")
            .with("formatted-name", name)
            .with("inline", "true")
            .with("source-platform", "linux")
            .with("version", "18.1")
            .with("xmlns:user", "http://www.tableausoftware.com/xml/user")
            .child(
                Element::new("repository-location")
                    .with("id", slug)
                    .with("path", format!("/t/{}/datasources", self.content_url))
                    .with("revision", "1.0")
                    .with("site", &self.content_url),
            )
            .child(federated)
            .child(Element::new("aliases").with("enabled", "yes"))
            .child(
                Element::new("layout")
                    .with("dim-ordering", "alphabetic")
                    .with("measure-ordering", "alphabetic")
                    .with("show-structure", "true"),
            );
        format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n\n{}",
            lines(&datasource, 0)
        )
    }
}

fn member_for(slug: &str) -> String {
    format!("Data/Extracts/{slug}.hyper")
}

fn file_connection(slug: &str) -> Element {
    Element::new("connection")
        .with("authentication", "auth-none")
        .with("class", HYPER)
        .with("dbname", member_for(slug))
        .with("default-settings", "yes")
        .with("schema", "Extract")
        .with("sslmode", "")
        .with("username", "tableau_internal_user")
}

fn relation(connection: Option<String>, table: &Table) -> Element {
    Element::new("relation")
        .maybe("connection", connection)
        .with("name", &table.name)
        .with("table", table.quoted())
        .with("type", "table")
}

/// Writes what is known of each column of a table.
fn records(table: &Table) -> Vec<Element> {
    let columns = (0..).zip(&table.columns);
    let record = |(ordinal, column): (u32, &Column)| {
        let number = matches!(column.local_type.as_str(), "integer" | "real");
        let fields = [
            ("remote-name", column.name.clone()),
            ("remote-type", column.remote_type.to_string()),
            ("local-name", format!("[{}]", column.name)),
            ("parent-name", format!("[{}]", table.name)),
            ("remote-alias", column.name.clone()),
            ("ordinal", ordinal.to_string()),
            ("local-type", column.local_type.clone()),
            (
                "aggregation",
                if number { "Sum" } else { "Count" }.to_owned(),
            ),
            ("contains-null", "true".to_owned()),
        ];
        let fields = fields.map(|(name, text)| Element::new(name).text(text));
        Element::new("metadata-record")
            .with("class", "column")
            .children(fields)
    };
    columns.map(record).collect()
}

/// Writes one element a line, as Tableau does.
fn lines(element: &Element, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut out = format!("{indent}<{}", element.name);
    for (key, value) in &element.attributes {
        out += &format!(" {key}=\"{}\"", escape(value));
    }
    if !element.text.is_empty() {
        return out + &format!(">{}</{}>\n", escape(&element.text), element.name);
    }
    if element.children.is_empty() {
        return out + " />\n";
    }
    out += ">\n";
    for child in &element.children {
        out += &lines(child, depth + 1);
    }
    out + &format!("{indent}</{}>\n", element.name)
}

fn insert_column(tds: &mut String, column: &Element) -> Option<()> {
    let at = line_of(tds, read(tds)?.start_of(&BEHIND_COLUMNS)?);
    tds.insert_str(at, &lines(column, 1));
    Some(())
}

pub(super) fn insert_extract(tds: &mut String, slug: &str) -> Option<()> {
    let connection = file_connection(slug)
        .with("tablename", "Extract")
        .child(relation(None, &Table::assumed()));
    let extract = Element::new("extract")
        .with("count", "-1")
        .with("enabled", "true")
        .with("units", "records")
        .child(connection);
    let at = line_of(tds, read(tds)?.start_of(&BEHIND_COLUMNS[5..])?);
    tds.insert_str(at, &lines(&extract, 1));
    Some(())
}

/// Returns where the indentation before a place begins.
fn line_of(tds: &str, at: usize) -> usize {
    tds[..at].trim_end_matches([' ', '\t']).len()
}

fn columns(tds: &str) -> Vec<Node> {
    let children = read(tds).map(|root| root.children).unwrap_or_default();
    let columns = children.into_iter().filter(|child| child.name == "column");
    columns.collect()
}
