//! Keys of RSA. They are only made here: nothing signs or decrypts with them.

use std::convert::Infallible;

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Odd, Resize};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use rand_core::{TryCryptoRng, TryRng};
use strata_model::IdSource;
use zeroize::Zeroizing;

use super::der::{self, Der};

const EXPONENT: u64 = 65537;

type Bytes = Zeroizing<Vec<u8>>;

/// A key of RSA, its numbers as big-endian bytes.
pub(crate) struct Rsa {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
    pub(super) private_exponent: Bytes,
    pub(super) primes: [Bytes; 2],
    /// The private exponent modulo each prime less one.
    exponents: [Bytes; 2],
    /// The inverse of the second prime modulo the first.
    pub(super) coefficient: Bytes,
}

impl Rsa {
    /// Makes a key with so many bits in its modulus, an even number from 1024.
    pub(super) fn generate(bits: u32, ids: &dyn IdSource) -> Self {
        let mut random = Random(ids);
        loop {
            let primes = prime(bits / 2, &mut random).zip(prime(bits / 2, &mut random));
            if let Some(key) = primes.and_then(|(p, q)| Rsa::of(&p, &q)) {
                return key;
            }
        }
    }

    /// The key of two primes; `None` where they are equal or do not go with the exponent.
    fn of(p: &BoxedUint, q: &BoxedUint) -> Option<Self> {
        if p == q {
            return None;
        }
        let one = |like: &BoxedUint| BoxedUint::one_with_precision(like.bits_precision());
        let less = [p.wrapping_sub(one(p)), q.wrapping_sub(one(q))];
        let modulus = p.concatenating_mul(q);
        let order = less[0].concatenating_mul(&less[1]);
        let exponent = BoxedUint::from(EXPONENT).resize(order.bits_precision());
        let order = Option::<NonZero<_>>::from(NonZero::new(order))?;
        let private: BoxedUint = Option::from(exponent.invert_mod(&order))?;
        let modulo = |less: &BoxedUint| {
            let less = Option::<NonZero<BoxedUint>>::from(NonZero::new(less.clone()))?;
            Some(bytes(&private.rem(&less)))
        };
        let exponents = [modulo(&less[0])?, modulo(&less[1])?];
        let odd = Option::<Odd<_>>::from(Odd::new(p.clone()))?;
        let coefficient: BoxedUint = Option::from(q.invert_odd_mod(&odd))?;
        Some(Rsa {
            modulus: bytes(&modulus).to_vec(),
            exponent: EXPONENT.to_be_bytes().to_vec(),
            private_exponent: bytes(&private),
            primes: [bytes(p), bytes(q)],
            exponents,
            coefficient: bytes(&coefficient),
        })
    }

    pub(super) fn pkcs1(&self) -> Der {
        let numbers = [
            der::integer(&[0]),
            der::integer(&self.modulus),
            der::integer(&self.exponent),
            der::integer(&self.private_exponent),
            der::integer(&self.primes[0]),
            der::integer(&self.primes[1]),
            der::integer(&self.exponents[0]),
            der::integer(&self.exponents[1]),
            der::integer(&self.coefficient),
        ];
        der::sequence(&numbers.each_ref().map(|number| number.as_slice()))
    }

    pub(super) fn pkcs8(&self) -> Der {
        der::private_key_info(der::RSA, &self.pkcs1())
    }

    pub(super) fn spki(&self) -> Der {
        let numbers = [der::integer(&self.modulus), der::integer(&self.exponent)];
        der::public_key_info(der::RSA, &der::sequence(&[&numbers[0], &numbers[1]]))
    }
}

fn bytes(number: &BoxedUint) -> Bytes {
    Zeroizing::new(number.to_be_bytes().into_vec())
}

/// A prime with its two highest bits set, so that the product of two has exactly twice as many bits.
fn prime(bits: u32, random: &mut Random<'_>) -> Option<BoxedUint> {
    let sieve = SmallFactorsSieveFactory::new(Flavor::Any, bits, SetBits::TwoMsb).ok()?;
    sieve_and_find(random, sieve, |_, candidate| {
        is_prime(Flavor::Any, candidate)
    })
    .ok()?
}

/// The id source as a random number generator.
struct Random<'a>(&'a dyn IdSource);

impl TryRng for Random<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Random<'_> {}
