//! What appeared behind the markers of conditions.

use annalist_core::{record::Position, store::Condition};
use sqlx::{SqliteConnection, query_as};

use crate::{
    read::position,
    rows::{integer, json},
    sql::{Many, Sql},
    walks::walks,
};

/// For each condition the newest event of its criteria behind what its marker has settled, if there is one. It does not ask
/// for one after the other.
pub(crate) async fn newest(
    connection: &mut SqliteConnection,
    sql: &Sql,
    conditions: &[&Condition],
) -> Result<Vec<Option<Position>>, sqlx::Error> {
    let (mut newest, mut ways) = (Vec::new(), Vec::new());
    for Condition { criteria, marker } in conditions {
        let walks = walks(connection, sql, criteria).await?;
        ways.extend(walks.into_iter().map(|walk| (newest.len(), marker.settled(), walk)));
        newest.push(None);
    }
    for some in ways.chunks(Many::MOST) {
        let mut asked = query_as(sql.newest.rows(some.len()));
        for (number, after, walk) in some {
            asked = asked.bind(integer(*number as u64)).bind(integer(after.get()));
            asked = asked.bind(walk.tag).bind(json(&walk.types)).bind(json(&walk.more));
        }
        let found: Vec<(i64, i64)> = asked.fetch_all(&mut *connection).await?;
        for (number, found) in found {
            let place = usize::try_from(number).ok().and_then(|number| newest.get_mut(number));
            if let Some(place) = place {
                *place = (*place).max(Some(position(found)));
            }
        }
    }
    Ok(newest)
}
