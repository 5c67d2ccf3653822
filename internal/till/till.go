// Package till is the engine of the agent: it takes what happens (scans, calls,
// commands, answers of the cloud, deadlines) one at a time, steps the pure sale
// machine, commits the new state with its events, ledger entries and print jobs
// in one transaction, and only then lets effects run.
package till
