// Package cloud is the cloud's half of the contract, as a chain's backend has
// to implement it: it takes in events exactly once and checks their chain,
// answers with signed acks, answers requests, sends signed commands until they
// are replied to, and can prove at the end that nothing was lost or doubled.
// It is the reference for integrators, what `tillsim` runs, and the second
// opinion on the till: it is written from the contract and imports nothing of
// the till's.
//
// Payments are imaginary: a shopper is a function call ([Cloud.Settle]).
package cloud
