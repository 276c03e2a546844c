//! Bytes that arrive in pieces, and what is looked for in them: none is looked through again because others have come.

/// What has arrived and was not taken yet.
#[derive(Default)]
pub(super) struct Arrived {
    bytes: Vec<u8>,
    /// Bytes in front that were taken. They go when more arrive: with many small things in one piece, all that is
    /// behind would be moved for each.
    n_taken: usize,
    /// What is looked for begins nowhere before this place; 0 once something has been taken.
    searched: usize,
    /// Bytes that searches were given to look at, each time they were.
    #[cfg(test)]
    pub(super) n_examined: usize,
    /// Bytes that were moved to the front, each time they were.
    #[cfg(test)]
    pub(super) n_moved: usize,
}

impl Arrived {
    /// Takes what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
    }

    /// All that is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.n_taken..]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn compact(&mut self) {
        #[cfg(test)]
        if self.n_taken > 0 {
            self.n_moved += self.len();
        }
        self.bytes.drain(..self.n_taken);
        self.n_taken = 0;
    }

    /// The first `n` bytes; what is looked for next may begin behind them.
    pub(super) fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.bytes()[..n].to_vec();
        self.skip(n);
        taken
    }

    /// The same for bytes that nobody wants.
    pub(super) fn skip(&mut self, n: usize) {
        self.searched = 0;
        self.n_taken += n;
    }

    /// Forgets all in which the last search found nothing.
    pub(super) fn skip_searched(&mut self) {
        self.skip(self.searched.min(self.len()));
    }

    /// What `search` finds. It is given the bytes and the place at which it is to begin, and says, if in vain, at which
    /// it is to go on when there are more; nothing else may be looked for before something is taken or skipped.
    pub(super) fn search<T>(
        &mut self,
        search: impl FnOnce(&[u8], usize) -> Result<T, usize>,
    ) -> Option<T> {
        #[cfg(test)]
        {
            self.n_examined += self.len().saturating_sub(self.searched);
        }
        match search(self.bytes(), self.searched) {
            Ok(found) => Some(found),
            Err(at) => {
                self.searched = at;
                None
            }
        }
    }

    /// Where the first of these stands, and how long it is.
    pub(super) fn find(&mut self, wanted: &[&[u8]]) -> Option<(usize, usize)> {
        let longest = wanted.iter().map(|wanted| wanted.len()).max().unwrap_or(0);
        self.search(|bytes, from| {
            let found = (from..bytes.len()).find_map(|at| {
                let rest = &bytes[at..];
                let found = wanted.iter().find(|wanted| rest.starts_with(wanted))?;
                Some((at, found.len()))
            });
            // The last bytes may be the beginning of it.
            found.ok_or_else(|| (bytes.len() + 1).saturating_sub(longest).max(from))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_divided_between_pieces_is_found() {
        let body = b"aa-aab--aaa-aaab";
        for wanted in [&b"aaab"[..], b"-aaa", b"b", b"aa-aab--aaa-aaab"] {
            let place = body.windows(wanted.len()).position(|at| at == wanted);
            for step in 1..=body.len() {
                let mut arrived = Arrived::default();
                let found = body.chunks(step).find_map(|piece| {
                    arrived.push(piece);
                    arrived.find(&[wanted])
                });
                assert_eq!(found.map(|(at, _)| at), place, "{wanted:?} by {step}");
            }
        }
    }

    #[test]
    fn the_first_of_several_is_found() {
        let mut arrived = Arrived::default();
        arrived.push(b"a: b\r");
        let blank_lines: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
        assert_eq!(arrived.find(&blank_lines), None);
        arrived.push(b"\n\r\n\n\n");
        assert_eq!(arrived.find(&blank_lines), Some((4, 4)));
        arrived.skip(8);
        assert_eq!(arrived.find(&blank_lines), Some((0, 2)));
    }

    #[test]
    fn what_is_searched_in_vain_can_be_forgotten() {
        let mut arrived = Arrived::default();
        arrived.push(b"noise--");
        assert_eq!(arrived.find(&[b"--b"]), None);
        arrived.skip_searched();
        assert_eq!(arrived.bytes(), b"--");
        arrived.push(b"b");
        assert_eq!(arrived.find(&[b"--b"]), Some((0, 3)));
    }
}
