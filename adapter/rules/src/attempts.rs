//! Series and rules that give one metric, asked one after another.

/// What series and rules of one metric have given so far, in the order in which they are asked.
#[derive(Debug)]
pub struct Attempts<V, E> {
    /// That of the first: prometheus-adapter asks no other.
    answer: Option<Result<Vec<V>, E>>,
    /// What counts where none has a sample: by the first that says so.
    instead: Option<Vec<V>>,
}

/// What one of them gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Given<V> {
    /// The values.
    pub values: Vec<V>,
    /// Whether they come of samples, and not of `valuePolicy.absent` alone.
    pub of_samples: bool,
}

impl<V, E> Default for Attempts<V, E> {
    fn default() -> Self {
        Self {
            answer: None,
            instead: None,
        }
    }
}

impl<V, E> Attempts<V, E> {
    /// Takes what the next one gives; whether the one after that is asked. `asks_the_next` says whether an error means
    /// that this one has nothing. Any other error is the answer: what failed isn't absent.
    pub fn take(&mut self, given: Result<Given<V>, E>, asks_the_next: impl Fn(&E) -> bool) -> bool {
        let goes_on = match &given {
            Ok(given) => !given.of_samples,
            Err(error) => asks_the_next(error),
        };
        match given {
            Ok(given) if goes_on && !given.values.is_empty() => {
                self.instead.get_or_insert(given.values);
            }
            given => {
                let values = given.map(|given| given.values);
                if goes_on {
                    self.answer.get_or_insert(values);
                } else {
                    (self.answer, self.instead) = (Some(values), None);
                }
            }
        }
        goes_on
    }

    /// The answer.
    ///
    /// # Errors
    /// That of the first one, where none has values and none says what counts instead.
    pub fn finish(self) -> Result<Vec<V>, E> {
        match self.instead {
            Some(values) => Ok(values),
            None => self.answer.unwrap_or(Ok(Vec::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type One = Result<Given<u8>, &'static str>;

    fn samples(values: &[u8]) -> One {
        Ok(Given {
            values: values.to_vec(),
            of_samples: !values.is_empty(),
        })
    }

    fn instead(value: u8) -> One {
        Ok(Given {
            values: vec![value],
            of_samples: false,
        })
    }

    /// The answer, and how many were asked.
    fn asked(given: &[One]) -> (Result<Vec<u8>, &'static str>, usize) {
        let mut attempts = Attempts::default();
        let mut asked = 0;
        for given in given {
            asked += 1;
            if !attempts.take(given.clone(), |error| *error == "nothing") {
                break;
            }
        }
        (attempts.finish(), asked)
    }

    #[test]
    fn samples_of_the_next_go_before_what_counts_instead_and_the_first_that_says_it_counts() {
        let all = [instead(0), samples(&[]), samples(&[7]), samples(&[8])];
        assert_eq!(asked(&all), (Ok(vec![7]), 3));
        let none = [samples(&[]), instead(1), Err("nothing"), instead(2)];
        assert_eq!(asked(&none), (Ok(vec![1]), 4));
        assert_eq!(asked(&[samples(&[]), Err("nothing")]), (Ok(vec![]), 2));
        assert_eq!(asked(&[Err("nothing"), samples(&[])]), (Err("nothing"), 2));
    }

    #[test]
    fn what_failed_is_not_absent() {
        assert_eq!(asked(&[instead(0), Err("refused")]), (Err("refused"), 2));
    }
}
