//! Dealing literals into the sixteen buckets of the SIMD filter.
//!
//! A bucket lets a place in text pass when each of four bytes has a half-byte that some literal of the bucket has there. So
//! literals that share half-bytes belong together; how common bytes are in text says what a merge costs.

/// Eight buckets each, window position, low or high half-byte.
pub(super) type Nibbles = [[[[u8; 16]; 2]; 4]; 2];

/// How many literals of one rule set are told apart by cost; more are dealt out in order.
const CLUSTERED: usize = 256;

/// A bucket under construction: which half-bytes each window position allows.
#[derive(Clone, Copy)]
struct Bucket {
    low: [u16; 4],
    high: [u16; 4],
    cost: f32,
}

impl Bucket {
    fn of(window: &[Set256; 4]) -> Bucket {
        let (mut low, mut high) = ([0; 4], [0; 4]);
        for (i, set) in window.iter().enumerate() {
            for byte in set.bytes() {
                low[i] |= 1 << (byte & 15);
                high[i] |= 1 << (byte >> 4);
            }
        }
        Bucket {
            low,
            high,
            cost: cost(&low, &high),
        }
    }

    fn with(&self, other: &Bucket) -> Bucket {
        let low = std::array::from_fn(|i| self.low[i] | other.low[i]);
        let high = std::array::from_fn(|i| self.high[i] | other.high[i]);
        Bucket {
            low,
            high,
            cost: cost(&low, &high),
        }
    }
}

/// How often text passes: the product over the positions of how common the allowed bytes are.
fn cost(low: &[u16; 4], high: &[u16; 4]) -> f32 {
    let mut product = 1.0;
    for (low, high) in low.iter().zip(high) {
        let (first, second) = ((low & 255) as usize, (low >> 8) as usize);
        let rows = ones(u64::from(*high)).map(|row| &HALVES[row as usize]);
        product *= rows.map(|row| row[0][first] + row[1][second]).sum::<f32>();
    }
    product
}

/// Deals windows into sixteen buckets so that few places in text pass, and writes their tables.
pub(super) fn bucket(windows: Vec<[Set256; 4]>) -> Nibbles {
    let mut buckets: Vec<Bucket> = windows.iter().map(Bucket::of).collect();
    if buckets.len() > CLUSTERED {
        buckets.sort_by_key(|b| (b.high, b.low));
        let per_bucket = buckets.len().div_ceil(CLUSTERED);
        buckets = buckets
            .chunks(per_bucket)
            .filter_map(|chunk| chunk.iter().copied().reduce(|a, b| a.with(&b)))
            .collect();
    }
    merge_down_to(&mut buckets, 16);
    let mut nibbles = [[[[0u8; 16]; 2]; 4]; 2];
    for (i, bucket) in buckets.iter().enumerate() {
        let bit = i % 8;
        for (group, (low, high)) in nibbles[i / 8]
            .iter_mut()
            .zip(bucket.low.iter().zip(bucket.high))
        {
            for (table, set) in group.iter_mut().zip([*low, high]) {
                for (half_byte, buckets) in table.iter_mut().enumerate() {
                    *buckets |= ((set >> half_byte & 1) as u8) << bit;
                }
            }
        }
    }
    nibbles
}

/// Merges the two buckets whose union adds least, again and again. Keeps each bucket's best partner, so that a merge
/// costs one row and not the whole table.
fn merge_down_to(buckets: &mut Vec<Bucket>, wanted: usize) {
    let added = |a: &Bucket, b: &Bucket| a.with(b).cost - a.cost - b.cost;
    let best_of = |buckets: &[Bucket], i: usize| {
        let partners = (0..buckets.len()).filter(|&j| j != i);
        partners
            .map(|j| (added(&buckets[i], &buckets[j]), j))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    };
    if buckets.len() <= wanted {
        return;
    }
    let mut best: Vec<_> = (0..buckets.len()).map(|i| best_of(buckets, i)).collect();
    while buckets.len() > wanted {
        let cheapest = best
            .iter()
            .enumerate()
            .filter_map(|(i, b)| b.map(|(c, j)| (c, i, j)));
        let Some((_, i, j)) = cheapest.min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return;
        };
        let (keep, gone) = (i.min(j), i.max(j));
        buckets[keep] = buckets[keep].with(&buckets[gone]);
        buckets.swap_remove(gone);
        best.swap_remove(gone);
        let moved = buckets.len();
        for (k, entry) in best.iter_mut().enumerate() {
            match *entry {
                Some((_, partner)) if partner == keep || partner == gone || k == keep => {
                    *entry = best_of(buckets, k);
                }
                Some((cost, partner)) if partner == moved => *entry = Some((cost, gone)),
                _ => {}
            }
        }
    }
}

/// The places of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros();
        (bits != 0).then(|| bits &= bits - 1).map(|()| place)
    })
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Set256([u64; 4]);

impl Set256 {
    pub(super) fn insert(&mut self, byte: u8) {
        self.0[byte as usize >> 6] |= 1 << (byte & 63);
    }

    pub(super) fn bytes(self) -> impl Iterator<Item = u8> {
        (0..4u8).flat_map(move |quarter| {
            ones(self.0[quarter as usize]).map(move |bit| quarter << 6 | bit as u8)
        })
    }

    pub(super) fn frequency(self) -> f32 {
        self.bytes().map(|b| FREQUENCY[b as usize]).sum()
    }
}

/// How common each byte is in the values of programs, roughly: identifiers, prose, numbers, paths, JSON.
static FREQUENCY: [f32; 256] = {
    let mut table = [0.0005; 256];
    let letters = b"etaoinsrhldcumfpgwybvkxjqz";
    let shares = [
        60, 45, 45, 40, 40, 38, 36, 38, 22, 24, 22, 24, 18, 18, 14, 18, 12, 8, 10, 10, 8, 6, 5, 3,
        2, 2,
    ];
    let mut i = 0;
    while i < letters.len() {
        table[letters[i] as usize] = shares[i] as f32 / 1000.0;
        table[(letters[i] - 32) as usize] = shares[i] as f32 / 8000.0;
        i += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = 0.022;
        digit += 1;
    }
    let marks = b" _-./:,'\"=()[]{}";
    let shares = [70, 14, 14, 14, 14, 10, 10, 10, 12, 4, 3, 3, 3, 3, 3, 3];
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = shares[i] as f32 / 1000.0;
        i += 1;
    }
    table
};

/// For each high half-byte, the summed frequency of every subset of its lower and upper eight bytes.
static HALVES: [[[f32; 256]; 2]; 16] = {
    let mut table = [[[0.0; 256]; 2]; 16];
    let mut row = 0;
    while row < 16 {
        let mut half = 0;
        while half < 2 {
            let mut subset = 1;
            while subset < 256usize {
                let bit = subset.trailing_zeros() as usize;
                let rest = subset & (subset - 1);
                table[row][half][subset] =
                    table[row][half][rest] + FREQUENCY[row * 16 + half * 8 + bit];
                subset += 1;
            }
            half += 1;
        }
        row += 1;
    }
    table
};
