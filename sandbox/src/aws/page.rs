//! Lists in pages. A token names the last item of its page, so that it stays right when items come and go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// The id after which the page begins.
    pub(crate) after: Option<String>,
    /// How many items the page has at most.
    pub(crate) limit: Option<usize>,
}

/// The text of tokens that no list has given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadToken;

impl PageRequest {
    /// Reads what the caller sent.
    pub(crate) fn new(token: Option<&str>, limit: Option<usize>) -> Result<Self, BadToken> {
        let after = token.map(decode).transpose()?;
        Ok(Self { after, limit })
    }

    /// Lowers the limit.
    pub(crate) fn at_most(mut self, limit: Option<usize>) -> Self {
        self.limit = match (self.limit, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Cuts the page out of `items`, which are sorted by `id`, and returns the token of the next page.
    pub(crate) fn cut<T>(
        &self,
        items: Vec<T>,
        id: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let rest = items
            .into_iter()
            .filter(|item| self.after.as_ref().is_none_or(|a| id(item) > *a));
        let mut page: Vec<T> = rest.collect();
        let limit = self.limit.unwrap_or(usize::MAX).max(1);
        if page.len() <= limit {
            return (page, None);
        }
        page.truncate(limit);
        let token = page.last().map(|last| encode(&id(last)));
        (page, token)
    }
}

fn encode(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{id}"))
}

fn decode(token: &str) -> Result<String, BadToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_wrong| BadToken)?;
    let text = String::from_utf8(bytes).map_err(|_wrong| BadToken)?;
    text.strip_prefix("after:")
        .map(str::to_owned)
        .ok_or(BadToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let items: Vec<String> = (0..7).map(|n| format!("id-{n}")).collect();
        let (mut got, mut token) = (Vec::new(), None);
        loop {
            let request = PageRequest::new(token.as_deref(), Some(3)).unwrap();
            let (page, next) = request.cut(items.clone(), Clone::clone);
            got.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(got, items);
    }

    #[test]
    fn an_exact_page_has_no_token() {
        let (page, token) = PageRequest::new(None, Some(2))
            .unwrap()
            .cut(vec!["a", "b"], |s| s.to_string());
        assert_eq!((page.len(), token), (2, None));
        assert_eq!(PageRequest::new(Some("nonsense!"), None), Err(BadToken));
    }
}
