//! What a relationship of a row is to become: the write side of JSON:API's relationship endpoints.

use std::collections::HashSet;

use paylent_domain::Id;

use crate::{Error, Refusal, Result, key::Key};

/// A change of the rows that a row is linked to. Asking for what is so already changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links<T> {
    /// These, too.
    Add(Vec<Id<T>>),
    /// These and no others.
    Replace {
        /// The rows that are linked when the writer decides, if it decides by them: others are not replaced.
        was: Option<Vec<Id<T>>>,
        /// The rows to be linked.
        with: Vec<Id<T>>,
    },
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
    ///
    /// # Errors
    /// `Refused` when the writer decided by something else.
    pub(crate) fn against(&self, present: &[Key]) -> Result<Difference> {
        let (Self::Add(ids) | Self::Replace { with: ids, .. } | Self::Remove(ids)) = self;
        let named = keys(ids);
        let present_set: HashSet<Key> = present.iter().copied().collect();
        let (mut made, mut taken) = (Vec::new(), Vec::new());
        if let Self::Replace { was: Some(was), .. } = self
            && keys(was) != present_set
        {
            return Err(Error::Refused(Refusal::Overtaken));
        }
        if !matches!(self, Self::Remove(_)) {
            let mut seen = present_set;
            made = ids.iter().copied().map(Key::from).filter(|key| seen.insert(*key)).collect();
        }
        if self.takes() {
            let stays = |key: &Key| named.contains(key) != matches!(self, Self::Remove(_));
            taken = present.iter().copied().filter(|key| !stays(key)).collect();
        }
        Ok(Difference { made, taken })
    }
}

fn keys<T>(ids: &[Id<T>]) -> HashSet<Key> {
    ids.iter().copied().map(Key::from).collect()
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
            let Difference { made, taken } = links.against(&present).unwrap();
            [made, taken].map(|keys| keys.into_iter().map(|key| key.0[0]).collect::<Vec<_>>())
        };
        let replace = |with| Links::Replace { was: None, with: ids(with) };
        assert_eq!(difference(Links::Add(ids(&[3, 2, 3]))), [vec![3], vec![]]);
        assert_eq!(difference(replace(&[3, 2])), [vec![3], vec![1]]);
        assert_eq!(difference(replace(&[])), [vec![], vec![1, 2]]);
        assert_eq!(difference(Links::Remove(ids(&[3, 2]))), [vec![], vec![2]]);
    }

    #[test]
    fn what_was_decided_by_other_links_is_not_replaced() {
        let present = [Key([1; 16]), Key([2; 16])];
        let replace = |was| Links::Replace { was: Some(ids(was)), with: ids(&[3]) }.against(&present);
        assert!(replace(&[2, 1]).is_ok());
        for other in [&[1][..], &[1, 2, 3], &[]] {
            assert!(matches!(replace(other), Err(Error::Refused(Refusal::Overtaken))), "{other:?}");
        }
    }
}
