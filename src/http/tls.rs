//! Whom TLS trusts besides the system's certificate authorities.
//!
//! PEM is read by 35 lines of our own although `rustls-pki-types` can: it reads line by line and passes over a
//! certificate whose line breaks are lost (YAML's `>`, a secret pasted into one line) or whose lines are indented, so
//! that the input would hold no certificate where it holds a good one. Nor does it say which of several is broken.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use reqwest::Certificate;

use crate::workspace::{self, Refused};

/// A bundle of every public CA has some 200 KB.
const FILE_LIMIT: u64 = 4 << 20;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Extra certificate authorities, as the user gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaCertificate {
    /// PEM text, already looked through.
    Pem(String),
    /// A file that holds such text, and what the user calls it.
    File {
        /// The folder it may not leave.
        workspace: PathBuf,
        /// Where it lies.
        path: PathBuf,
        /// For messages.
        name: String,
    },
}

impl CaCertificate {
    /// Takes PEM text with one certificate or more.
    pub fn parse(text: &str) -> Result<CaCertificate, String> {
        read_pem(text).map(|_| CaCertificate::Pem(text.to_owned()))
    }

    /// Returns the certificates; a file is read now.
    pub(super) fn load(&self) -> Result<Vec<Certificate>> {
        match self {
            CaCertificate::Pem(text) => {
                read_pem(text).map_err(|problem| anyhow!("`ca-certificate`: {problem}"))
            }
            CaCertificate::File {
                workspace,
                path,
                name,
            } => {
                let text = match workspace::find_file(workspace, path) {
                    Ok(real) => read_file(&real).with_context(|| {
                        format!("cannot read the `ca-certificate` file `{name}`")
                    })?,
                    Err(Refused::Missing) => bail!(
                        "cannot read the `ca-certificate` file `{name}`; is it in the workspace, after `actions/checkout`?"
                    ),
                    Err(refused) => bail!("`ca-certificate`: `{name}` {refused}"),
                };
                let Ok(text) = std::str::from_utf8(&text) else {
                    bail!(
                        "the `ca-certificate` file `{name}` is not PEM text but binary; convert it: openssl x509 -inform der -in {name} -out ca.pem"
                    );
                };
                read_pem(text)
                    .map_err(|problem| anyhow!("the `ca-certificate` file `{name}`: {problem}"))
            }
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?
        .take(FILE_LIMIT + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > FILE_LIMIT {
        bail!("it is larger than {FILE_LIMIT} bytes, as no bundle of certificates is");
    }
    Ok(text)
}

/// Text outside the blocks is comment, as in the bundles of distributions.
fn read_pem(text: &str) -> Result<Vec<Certificate>, String> {
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let number = certificates.len() + 1;
        let broken = |why: &str| {
            format!(
                "certificate {number} is no valid PEM ({why}); keep its lines as they are, below `ca-certificate: |`"
            )
        };
        let (body, after) = after
            .split_once(END)
            .ok_or_else(|| broken("its END line is missing"))?;
        let base64: String = body.split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD
            .decode(base64)
            .map_err(|_| broken("what is between BEGIN and END is not base64"))?;
        // An X.509 certificate is a sequence whose length is the whole.
        let is_sequence = matches!(der.as_slice(), [0x30, 0x82, high, low, rest @ ..]
            if rest.len() == usize::from(u16::from_be_bytes([*high, *low])));
        let is_short = matches!(der.as_slice(), [0x30, 0x81, length, rest @ ..] if rest.len() == usize::from(*length));
        if !is_sequence && !is_short {
            return Err(broken("it holds no certificate"));
        }
        let certificate =
            Certificate::from_der(&der).map_err(|_| broken("it holds no certificate"))?;
        certificates.push(certificate);
        rest = after;
    }
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    Err(if text.contains("PRIVATE KEY-----") {
        "it holds a private key and no certificate; a key has no business here, give the CA's certificate".into()
    } else if text.contains("-----BEGIN ") {
        format!("it holds no certificate: a block that begins with `{BEGIN}` is wanted")
    } else {
        format!("it is not PEM text: no `{BEGIN}` is in it")
    })
}
