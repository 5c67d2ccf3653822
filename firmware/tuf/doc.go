// Package tuf decides which files of an update repository can be trusted, by
// The Update Framework (specification 1.0.34).
//
// The rules (signatures, thresholds, versions, expiry) are those of go-tuf's
// trustedmetadata. This package does the rest: where bytes come from (a
// directory such as a USB stick, or HTTP), where trusted ones are kept, how much
// is read at most, and which documents are refused before the library sees
// them, because it would trip over them (see shape.go).
//
// A repository is a directory with
//
//	metadata/timestamp.json, metadata/N.root.json, N.snapshot.json, N.targets.json
//	targets/<path>/<sha256>.<name>
//
// that is, one with consistent snapshots. One without them works too.
package tuf
