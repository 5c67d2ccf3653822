// Package rig runs the real agent on a real Linux kernel with real USB
// peripherals: a virtual machine whose kernel has both ends of the cable, the
// host's drivers (cdc_acm, usblp, usbhid, ftdi_sio, …) and USB gadgets that are
// plugged in and out by writing a file. The program in guest is the machine's
// init: it plugs, runs the agent, and reports. `make rig` runs it.
package rig
