//! Wire types of the Kubernetes metrics APIs, and `Quantity`.
