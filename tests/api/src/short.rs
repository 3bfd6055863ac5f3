//! Lines of the listing in a short form: without the paths of types and without the expansion of `async_trait`.

const FUTURE: &str = "Pin<Box<(dyn Future<Output = ";
const FUTURE_END: &str = "> + Send + 'async_trait)>>";

/// `pub fn a::b::App::stop(&self) -> core::result::Result<(), a::Error>` becomes
/// `fn App::stop(&self) -> Result<(), Error>`.
pub(crate) fn line(line: &str) -> String {
    let short = without_paths(line);
    let short = short.replace("pub ", "");
    without_async_trait(short)
}

fn without_paths(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut path = String::new();
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for c in line.chars().chain(['\0']) {
        if is_path(c) {
            path.push(c);
            continue;
        }
        out += without_modules(&path);
        path.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// The path from the first type on, or its last segment.
fn without_modules(path: &str) -> &str {
    let end = path.trim_end_matches(':');
    let mut rest = path;
    while let Some((segment, after)) = rest.split_once("::") {
        let is_module = segment.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_module || after.is_empty() || rest == end && after.is_empty() {
            break;
        }
        rest = after;
    }
    rest
}

fn without_async_trait(line: String) -> String {
    let Some((head, rest)) = line.split_once(FUTURE) else { return line };
    let Some((output, _)) = rest.split_once(FUTURE_END) else { return line };
    let mut line = format!("async {head}{output}");
    for lifetime in ["'async_trait", "'life0", "'life1", "'life2", "'life3"] {
        for (from, to) in [
            (format!("<{lifetime}, "), "<"),
            (format!(", {lifetime}"), ""),
            (format!("&{lifetime} "), "&"),
            (format!("<{lifetime}>"), ""),
        ] {
            line = line.replace(&from, to);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn paths_are_left_out_up_to_the_type() {
        assert_eq!(
            line("pub fn a::b::App::stop<C: a::Command>(&self, C) -> core::result::Result<(), a::Error>"),
            "fn App::stop<C: Command>(&self, C) -> Result<(), Error>"
        );
        assert_eq!(line("pub fn a::testing::given(a::Events)"), "fn given(Events)");
        assert_eq!(line("pub a::Overview::name: &'static str"), "Overview::name: &'static str");
    }

    #[test]
    fn async_methods_of_traits_have_their_output() {
        assert_eq!(
            line(
                "pub fn a::Store::read<'life0, 'life1, 'async_trait>(&'life0 self, &'life1 [a::Read]) -> \
                 core::pin::Pin<alloc::boxed::Box<(dyn core::future::future::Future<Output = alloc::vec::Vec<a::Batch>> \
                 + core::marker::Send + 'async_trait)>> where Self: 'async_trait, 'life0: 'async_trait"
            ),
            "async fn Store::read(&self, &[Read]) -> Vec<Batch>"
        );
    }
}
