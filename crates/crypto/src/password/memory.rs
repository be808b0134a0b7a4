//! Where Argon2 works: 19 MiB that one hash after the other uses.

use argon2::{Argon2, Block};

use crate::Error;

/// Working memory. Made anew for each hash it would cost page faults that take a fifth of the hash's own time, and an allocator
/// keeps the memory of each thread that ever hashed.
///
/// It is not wiped between two hashes. Argon2's second pass overwrites every block with what takes the whole computation to
/// guess again, so what lies there helps a reader no more than the stored hash; the next hash overwrites it. Only after a single
/// pass, which our own hashes never are, it is wiped.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// How many blocks of 1 KiB it has.
    #[cfg(feature = "pool")]
    pub(super) fn blocks(&self) -> usize {
        self.0.len()
    }

    /// Computes one tag.
    pub(super) fn run(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), Error> {
        let needed = argon2.params().block_count();
        if self.0.len() < needed {
            // Not by growing, which would copy what nobody needs.
            self.0 = Vec::new();
            self.0.try_reserve_exact(needed).map_err(|_| Error::Hashing)?;
            self.0.resize(needed, Block::new());
        }
        let done = argon2.hash_password_into_with_memory(password, salt, tag, &mut self.0);
        if argon2.params().t_cost() < 2 {
            self.0[..needed].fill(Block::new());
        }
        done.map_err(|_| Error::Hashing)
    }
}
