//! Starting and stopping.

use tableau_simulator::{Setup, Simulator};

use crate::client::{extract, sign_in};

#[test]
fn a_simulator_can_live_in_async_code() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let simulator = Simulator::start();
        assert!(simulator.url().starts_with("http://127.0.0.1:"));
        drop(simulator);
    });
}

#[test]
fn files_are_gone_with_the_simulator() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    api.publish(
        "",
        "<tsRequest><datasource name='X'/></tsRequest>",
        &extract("1"),
    );
    api.upload(&extract("2"));
    let published = simulator.site(|site| site.datasources[0].parts[0].clone());
    assert!(published.exists());
    drop(simulator);
    assert!(!published.parent().unwrap().exists());
}

#[test]
fn a_port_is_taken_once() {
    let first = Simulator::start();
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(
        Simulator::try_launch(Setup {
            port,
            ..Setup::default()
        })
        .is_err()
    );
}
