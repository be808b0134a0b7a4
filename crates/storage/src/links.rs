//! What a relationship of a row is to become: the write side of JSON:API's relationship endpoints.

use std::collections::HashSet;

use paylent_domain::Id;

use crate::key::Key;

/// A change of the rows that a row is linked to. Asking for what is so already changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links<T> {
    /// These, too.
    Add(Vec<Id<T>>),
    /// These and no others.
    Replace(Vec<Id<T>>),
    /// Not these any more.
    Remove(Vec<Id<T>>),
}

/// What to do to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What to link, each once.
    pub made: Vec<Key>,
    /// What to unlink.
    pub taken: Vec<Key>,
}

impl<T> Links<T> {
    /// Whether rows can lose their link.
    pub(crate) const fn takes(&self) -> bool {
        !matches!(self, Self::Add(_))
    }

    /// What to do where `present` is linked.
    pub(crate) fn against(&self, present: &[Key]) -> Difference {
        let (Self::Add(ids) | Self::Replace(ids) | Self::Remove(ids)) = self;
        let mut taken = present.to_vec();
        let named: HashSet<Key> = ids.iter().copied().map(Key::from).collect();
        match self {
            Self::Add(_) => taken.clear(),
            Self::Replace(_) => taken.retain(|key| !named.contains(key)),
            Self::Remove(_) => taken.retain(|key| named.contains(key)),
        }
        let mut made: Vec<Key> = match self {
            Self::Add(ids) | Self::Replace(ids) => ids.iter().copied().map(Key::from).collect(),
            Self::Remove(_) => Vec::new(),
        };
        let mut seen: HashSet<Key> = present.iter().copied().collect();
        made.retain(|key| seen.insert(*key));
        Difference { made, taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u8]) -> Vec<Id<()>> {
        numbers.iter().map(|number| Id::from_bytes([*number; 16])).collect()
    }

    #[test]
    fn only_what_is_not_so_already_is_done() {
        let present = [Key([1; 16]), Key([2; 16])];
        let difference = |links: Links<()>| {
            let Difference { made, taken } = links.against(&present);
            [made, taken].map(|keys| keys.into_iter().map(|key| key.0[0]).collect::<Vec<_>>())
        };
        assert_eq!(difference(Links::Add(ids(&[3, 2, 3]))), [vec![3], vec![]]);
        assert_eq!(difference(Links::Replace(ids(&[3, 2]))), [vec![3], vec![1]]);
        assert_eq!(difference(Links::Replace(ids(&[]))), [vec![], vec![1, 2]]);
        assert_eq!(difference(Links::Remove(ids(&[3, 2]))), [vec![], vec![2]]);
    }
}
