//! Decimal digits of a number, and the ways to write them.

use strata_model::Number;

/// `0.d₁d₂d₃… × 10^point`, without zeros at the end; zero has no digits.
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    pub(super) fn of(number: Number) -> Decimal {
        let text = match number.as_i128() {
            Some(integer) => format!("{integer}e0"),
            None => format!("{:e}", number.as_f64()),
        };
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text.as_str()),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let mut point = whole.len() as i64 + exponent.parse::<i64>().unwrap_or(0);
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        point -= leading as i64;
        let mut decimal = Decimal {
            negative,
            digits,
            point,
        };
        decimal.trim();
        decimal
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    /// Rounds to so many digits, halves to even.
    fn rounded(&self, count: i64) -> Decimal {
        let mut result = Decimal {
            negative: self.negative,
            digits: self.digits.clone(),
            point: self.point,
        };
        let keep = usize::try_from(count).unwrap_or(0);
        if count >= 0 && keep >= self.digits.len() {
            return result;
        }
        let up = count >= 0
            && match self.digits[keep] {
                b'5' if keep + 1 == self.digits.len() => {
                    keep > 0 && (self.digits[keep - 1] - b'0') % 2 == 1
                }
                digit => digit >= b'5',
            };
        result.digits.truncate(keep);
        if up {
            result.increment();
        }
        result.trim();
        result
    }

    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.digits.insert(0, b'1');
        self.point += 1;
    }

    fn digit(&self, index: i64) -> char {
        let digit = usize::try_from(index)
            .ok()
            .and_then(|index| self.digits.get(index));
        digit.map_or('0', |digit| char::from(*digit))
    }

    fn sign(&self) -> String {
        if self.negative {
            "-".to_owned()
        } else {
            String::new()
        }
    }

    /// `-ddd.ddd`
    pub(super) fn fixed(&self, precision: usize) -> String {
        let decimal = self.rounded(self.point.saturating_add(precision as i64));
        decimal.fixed_digits(precision)
    }

    fn fixed_digits(&self, precision: usize) -> String {
        let mut text = self.sign();
        if self.point > 0 {
            text.extend((0..self.point).map(|index| self.digit(index)));
        } else {
            text.push('0');
        }
        if precision > 0 {
            text.push('.');
            let places = 0..precision as i64;
            text.extend(places.map(|place| self.digit(self.point + place)));
        }
        text
    }

    /// `-d.ddde±dd`
    pub(super) fn scientific(&self, mode: char, precision: usize) -> String {
        let decimal = self.rounded((precision as i64).saturating_add(1));
        decimal.scientific_digits(mode, precision)
    }

    fn scientific_digits(&self, mode: char, precision: usize) -> String {
        let mut text = self.sign();
        text.push(self.digit(0));
        if precision > 0 {
            text.push('.');
            text.extend((1..=precision as i64).map(|index| self.digit(index)));
        }
        let exponent = if self.digits.is_empty() {
            0
        } else {
            self.point - 1
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        text.push_str(&format!("{mode}{sign}{:02}", exponent.abs()));
        text
    }

    /// The shorter of the two by the exponent; without a precision as many digits as are needed.
    pub(super) fn general(&self, mode: char, precision: Option<usize>) -> String {
        let (decimal, limit, digits) = match precision {
            None => (self.rounded(self.digits.len() as i64), 6, self.digits.len()),
            Some(precision) => {
                let precision = precision.max(1);
                let decimal = self.rounded(precision as i64);
                let count = decimal.digits.len();
                let whole = count as i64 >= decimal.point;
                let limit = if precision > count && whole {
                    count
                } else {
                    precision
                };
                (decimal, limit, precision)
            }
        };
        let count = decimal.digits.len();
        let exponent = decimal.point - 1;
        if exponent < -4 || exponent >= limit as i64 {
            let scientific = if mode == 'G' { 'E' } else { 'e' };
            let digits = digits.min(count).max(1);
            return decimal.scientific_digits(scientific, digits - 1);
        }
        let digits = if digits as i64 > decimal.point {
            count
        } else {
            digits
        };
        let places = (digits as i64 - decimal.point).max(0);
        decimal.fixed_digits(usize::try_from(places).unwrap_or(0))
    }
}
