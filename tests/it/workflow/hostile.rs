//! A Tableau, or something that answers in its place, that says what no honest server says.

use publish_to_tableau::tableau::Standing;

use super::*;

#[track_caller]
fn assert_signed_out(simulator: &Simulator) {
    let calls = simulator.calls();
    let last = calls.last().map(|call| call.trim_end_matches('!'));
    assert_eq!(last, Some("sign-out"), "{calls:?}");
}

#[test]
fn a_file_that_is_changed_during_the_upload_is_not_committed() {
    type Change = fn(&Path);
    let in_place: Change = |path| std::fs::write(path, vec![7; 160_005]).unwrap();
    let replaced: Change = |path| {
        let other = path.with_extension("other");
        std::fs::write(&other, vec![7; 160_005]).unwrap();
        std::fs::rename(&other, path).unwrap();
    };
    let removed: Change = |path| std::fs::remove_file(path).unwrap();
    for change in [in_place, replaced, removed] {
        for fault in ["append-to-file-upload#2=429", "append-to-file-upload#4=429"] {
            let simulator = Simulator::with([fault]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.hyper");
            let mut run = Run::new(&simulator);
            std::fs::write(&path, &run.file).unwrap();
            let of_hook = path.clone();
            run.retrying = Some(Arc::new(move || change(&of_hook)));
            let outcome = run.publish(&path);
            assert_eq!(calls(&simulator, "publish-data-source"), 0, "{outcome:#?}");
            assert_eq!(outcome.record.standing, Standing::Untouched);
            drop(
                outcome
                    .failed("was changed or replaced while it was uploaded")
                    .hinted("`hyper`"),
            );
            assert_signed_out(&simulator);
        }
    }
}
