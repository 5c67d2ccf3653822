// Package guard starts the agent, starts it again when it ends, and goes back
// to the version before when a new one does not work. It is all of tilld-guard
// but its command line.
//
// What it starts, in this order: the candidate while it has tries left; the
// active version; the version before it; whatever sound build lies in a slot;
// the agent that the package installed beside the guard. It ends only when it
// is told to, or when there is nothing that can be started.
//
// A candidate has to report itself healthy ([slots.Dir.Confirm]) within the
// deadline. One try is taken from it, on disk, before each start, so that a
// version that takes the machine down with it runs out of tries too; a stop
// that was asked for gives the try back. Whether the cloud can be reached plays
// no part.
//
// The package needs the standard library only.
package guard
