//! The formats that can be read, and what is to be known of each: names, content types, how its files begin.

/// How the bytes of a staged file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    NdJson,
    /// Separated values with a header line; what separates them is in the file.
    Csv,
    /// Values separated by tabs, with a header line.
    Tsv,
    /// One XML document.
    Xml,
    /// `OData` in JSON: entities inside an envelope that names their types.
    OData,
    /// `OData` in Atom XML.
    Atom,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC: a file, also known as Feather 2, or a stream.
    Arrow,
}

/// What formats have in common that are read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// One JSON document, with its rows somewhere inside.
    Json,
    /// One JSON document a line.
    Lines,
    /// Lines of fields; separated by this if nothing else is said.
    Separated(Option<u8>),
    /// Elements, with the rows somewhere inside.
    Xml,
    /// Columns with types of their own.
    Columnar,
}

/// What is to be known of a format.
#[derive(Clone, Copy, Debug)]
pub struct FormatDescription {
    /// In the `format` input and in messages.
    pub name: &'static str,
    /// Who reads it.
    pub family: Family,
    /// Content types in lower case, without parameters.
    pub media_types: &'static [&'static str],
    /// Of file names, in lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Bytes with which its files begin, where these are enough to know it.
    pub beginnings: &'static [&'static [u8]],
}

impl Format {
    /// All of them; those of one name stand together, what the name says by itself first.
    pub const ALL: [Format; 9] = [
        Format::Json,
        Format::NdJson,
        Format::Csv,
        Format::Tsv,
        Format::Xml,
        Format::Parquet,
        Format::Arrow,
        Format::OData,
        Format::Atom,
    ];

    /// Returns what is to be known of the format: the one place that knows them all.
    pub fn describe(self) -> FormatDescription {
        match self {
            Format::Json => FormatDescription {
                name: "json",
                family: Family::Json,
                media_types: &["application/json", "text/json"],
                extensions: &["json", "geojson"],
                beginnings: &[],
            },
            Format::NdJson => FormatDescription {
                name: "ndjson",
                family: Family::Lines,
                media_types: &[
                    "application/x-ndjson",
                    "application/ndjson",
                    "application/jsonl",
                    "application/x-jsonlines",
                    "application/jsonlines",
                ],
                extensions: &["ndjson", "jsonl"],
                beginnings: &[],
            },
            Format::Csv => FormatDescription {
                name: "csv",
                family: Family::Separated(None),
                media_types: &["text/csv", "application/csv"],
                extensions: &["csv"],
                beginnings: &[],
            },
            Format::Tsv => FormatDescription {
                name: "tsv",
                family: Family::Separated(Some(b'\t')),
                media_types: &["text/tab-separated-values"],
                extensions: &["tsv", "tab"],
                beginnings: &[],
            },
            Format::Xml => FormatDescription {
                name: "xml",
                family: Family::Xml,
                media_types: &["application/xml", "text/xml"],
                extensions: &["xml", "rss", "atom"],
                beginnings: &[],
            },
            Format::Parquet => FormatDescription {
                name: "parquet",
                family: Family::Columnar,
                media_types: &[
                    "application/vnd.apache.parquet",
                    "application/x-parquet",
                    "application/parquet",
                ],
                extensions: &["parquet", "parq"],
                beginnings: &[b"PAR1"],
            },
            Format::Arrow => FormatDescription {
                name: "arrow",
                family: Family::Columnar,
                media_types: &[
                    "application/vnd.apache.arrow.stream",
                    "application/vnd.apache.arrow.file",
                ],
                extensions: &["arrow", "arrows", "feather", "ipc"],
                beginnings: &[b"ARROW1\0\0", b"\xFF\xFF\xFF\xFF"],
            },
            // Services announce JSON or XML; that it is OData shows in what is written.
            Format::OData => FormatDescription {
                name: "odata",
                family: Family::Json,
                media_types: &[],
                extensions: &[],
                beginnings: &[],
            },
            Format::Atom => FormatDescription {
                name: "odata",
                family: Family::Xml,
                media_types: &[],
                extensions: &[],
                beginnings: &[],
            },
        }
    }

    /// Returns the name in the `format` input.
    pub fn name(self) -> &'static str {
        self.describe().name
    }

    /// Returns who reads it.
    pub fn family(self) -> Family {
        self.describe().family
    }

    /// Returns the names for the `format` input, each once.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<&str> = Format::ALL.map(Format::name).to_vec();
        names.dedup();
        names
    }
}
