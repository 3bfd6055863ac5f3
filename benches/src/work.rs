//! The work of a process that another one has started: see [`crate::worker`].

use annalist::{App, Postgres};

use crate::{
    Result,
    baseline::bank::Bank,
    environment,
    rows::{
        deposits::{self, Load},
        hot_processes,
    },
};

/// Runs as a worker: gets ready, says so, waits for the start, works, and reports its result.
pub(crate) async fn work(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["deposits", url, schema, tasks, commands] => {
            let app = open(url, schema).await?;
            let load = Load { accounts: 200, tasks: tasks.parse()?, commands: commands.parse()? };
            let accounts = deposits::ready(&app, load).await?;
            begin()?;
            println!("{}", deposits::run(app, load, accounts).await?);
        }
        ["hot", url, schema, account, tasks, commands] => {
            let app = open(url, schema).await?;
            begin()?;
            let account = account.parse()?;
            println!("{}", hot_processes::deposit(app, account, tasks.parse()?, commands.parse()?).await?);
        }
        ["hot-by-hand", url, schema, account, tasks, commands] => {
            let (account, tasks) = (account.parse()?, tasks.parse()?);
            let bank = Bank::of(environment::pool(url, tasks, schema).await?);
            begin()?;
            println!("{}", hot_processes::deposit_by_hand(bank, account, tasks, commands.parse()?).await?);
        }
        _ => return Err(format!("no such work: {}", arguments.join(" ")).into()),
    }
    Ok(())
}

async fn open(url: &str, schema: &str) -> Result<App> {
    Ok(App::builder(Postgres::options().schema(schema).connect(url).await?).start().await?)
}

/// Says that this worker is ready, and waits for the start.
fn begin() -> Result<()> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
