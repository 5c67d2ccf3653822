// Package slots keeps two versions of the agent beside each other and knows
// which one to start.
//
// The layout below the data directory:
//
//	slots/boot.json      what runs, what waits for its trial; a copy in boot.json.1
//	slots/a/tilld        one version, with slots/a/manifest.json that names its hash
//	slots/b/tilld        the other one
//	slots/lock           held while boot.json changes
//
// An update goes into the slot that does not run ([Dir.Prepare], [Dir.Stage]),
// becomes the candidate ([Dir.Activate]), is started by tilld-guard a limited
// number of times ([Dir.Begin]) and either reports itself healthy
// ([Dir.Confirm]) or is put aside for good ([Dir.Fail]). Until it is confirmed
// the old version stays untouched.
//
// No step can leave the till without a version to start: every file is written
// beside its name, synced, renamed and its directory synced; both files carry a
// CRC-32C; when both copies of boot.json are unreadable, [Dir.Load] works out
// from the slots themselves what is there.
//
// The package needs the standard library only, because the guard does.
package slots
