//go:build race

package link

// fleetSize is limited by the race detector, which knows 8,128 goroutines.
const fleetSize = 200
