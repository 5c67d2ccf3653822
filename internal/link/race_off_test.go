//go:build !race

package link

const fleetSize = 1000
