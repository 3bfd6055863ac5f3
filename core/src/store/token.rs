//! A position of a log as text, for a browser or another process.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{
    error::{Error, Invalid},
    limits::refuse,
    log_id::LogId,
    position::Position,
};

/// The position of the last event of a command, and the identity of the log. A reader that has seen the log up to this position
/// has seen the effect of the command.
///
/// Prints and parses as `POSITION@LOG`.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::Token;
///
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// let text = app.token(&receipt).to_string();
/// assert!(text.starts_with("7@"));
///
/// let token: Token = text.parse()?;
/// assert_eq!(app.position_of(token)?, receipt.position());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    log: LogId,
    position: Position,
}

impl Token {
    /// Creates a token for a position of a log.
    ///
    /// ```
    /// use annalist::{Position, Token, store::LogId};
    ///
    /// let log = LogId::fresh();
    /// assert_eq!(Token::new(log, Position::new(7)).to_string(), format!("7@{log}"));
    /// ```
    pub fn new(log: LogId, position: Position) -> Self {
        Self { log, position }
    }

    /// Returns the position, if the token is of this log.
    ///
    /// ```
    /// use annalist::{Position, Token, store::LogId};
    ///
    /// let (log, other) = (LogId::fresh(), LogId::fresh());
    /// let token = Token::new(log, Position::new(7));
    /// assert_eq!(token.position_in(log)?, Position::new(7));
    /// assert!(token.position_in(other).is_err());
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] if the token is of another log.
    pub fn position_in(self, log: LogId) -> Result<Position, Error> {
        if self.log == log {
            return Ok(self.position);
        }
        Err(refuse("token", &self.to_string(), format!("it belongs to another log than {log}")).into())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.position, self.log)
    }
}

impl FromStr for Token {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parts = text.split_once('@').and_then(|(position, log)| {
            let log = Uuid::try_parse(log).ok()?;
            Some((position.parse().ok()?, LogId::from_uuid(log)))
        });
        let (position, log) = parts.ok_or_else(|| refuse("token", text, "it must be `POSITION@LOG`"))?;
        Ok(Self::new(log, Position::new(position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_round_trips_as_text_and_is_refused_by_another_log() {
        let (log, other) = (LogId::fresh(), LogId::fresh());
        let token = Token::new(log, Position::new(7));
        let text = token.to_string();
        assert_eq!(text.parse::<Token>().unwrap(), token);
        assert_eq!(token.position_in(log).unwrap(), Position::new(7));
        assert!(token.position_in(other).unwrap_err().to_string().contains("another log"));
        for bad in ["", "7", "@", "x@y", &text[1..], "-1@00000000-0000-0000-0000-000000000000"] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }
}
