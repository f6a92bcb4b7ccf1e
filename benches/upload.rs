//! Publishes one file and tells how long the chunks took and how much memory this process needed.
//!
//! `benches/upload.sh` compares it with curl. Arguments: server, site, name, secret, project, file.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails is no measurement"
)]

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::events::{Event, Progress};
use publish_to_tableau::http::{Client, Network, RetryPolicy};
use publish_to_tableau::tableau::{
    DatasourceName, Destination, Pace, PersonalAccessToken, ProjectReference, PublishContext,
    PublishMode, Published, SiteContentUrl, TokenName, TokenSecret, publish,
};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [server, site, name, secret, project, file] = &given[..] else {
        panic!("six arguments")
    };
    let to = Destination {
        server: server.parse().unwrap(),
        site: SiteContentUrl::parse(site).unwrap(),
        token: PersonalAccessToken {
            name: TokenName::parse(name).unwrap(),
            secret: TokenSecret::parse(secret).unwrap(),
        },
        project: ProjectReference::parse(project).unwrap(),
        datasource: DatasourceName::parse("big").unwrap(),
        description: None,
        tags: Vec::new(),
        mode: PublishMode::Overwrite,
        wait: Duration::from_mins(1),
    };
    let sent = Mutex::new(Duration::ZERO);
    let began = Instant::now();
    let observer = |event: Event| match event {
        Event::Progress(Progress::Sent { .. }) => *sent.lock().unwrap() = began.elapsed(),
        Event::Warning(text) => println!("warning: {text}"),
        _ => {}
    };
    let context = PublishContext {
        http: &Client::new(RetryPolicy::default(), &Network::default()).unwrap(),
        pace: &Pace::default(),
        observer: &observer,
        cancel: &Cancel::default(),
    };
    let mut record = Published::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let work = publish(&to, Path::new(file), &context, &mut record);
    runtime.block_on(work).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let sent = sent.into_inner().unwrap().as_secs_f64();
    println!("ours: {sent:.2} s, peak memory {}", peak[6..].trim());
}
