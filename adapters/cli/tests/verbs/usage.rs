//! Command lines that are wrong, and programs with a command line of their own.

use std::process::ExitCode;

use crate::bank::Bank;

#[tokio::test]
async fn nothing_is_opened_for_a_command_line_that_is_wrong() {
    let bank = Bank::new().await;
    for wrong in [
        &["events"][..],
        &["evens", "list"],
        &["events", "list", "--tag", "account"],
        &["events", "list", "--since", "yesterday"],
        &["events", "list", "--limit", "-1"],
        &["events", "get", "seven"],
        &["events", "get", "99999999999999999999"],
        &["aggregates", "show"],
        &["aggregates", "show", "Account", "a", "--at", "soon"],
        &["aggregates", "show", "Account", "a", "-n", "0"],
        &["trace"],
        &["describe", "--form", "svg"],
        &["completions", "dos"],
    ] {
        let arguments = ["bank", "--store", "the log"].into_iter().chain(wrong.iter().copied());
        let code = bank.program().run(arguments).await;
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)), "{wrong:?}");
    }
    assert_eq!(bank.opened(), 0);
}

#[tokio::test]
async fn help_is_no_error_and_opens_nothing() {
    let bank = Bank::new().await;
    for help in
        [&["--help"][..], &["help", "events"], &["events", "tail", "--help"], &["completions", "bash"]]
    {
        let code = bank.program().run(["bank"].into_iter().chain(help.iter().copied())).await;
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS), "{help:?}");
    }
    assert_eq!(bank.opened(), 0);
}
