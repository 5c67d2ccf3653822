// Package sim is a shop's hardware without the hardware: a serial scanner, an
// ESC/POS receipt printer with paper one can look at, and customer displays of
// several families, on real pseudo-terminals and TCP ports. It is a product feature
// (demo, training, end-to-end checks), and it is the second opinion on the
// drivers: everything here is written from the makers' manuals and imports no
// encoder of ours, so that a mistake in a driver shows as a wrong picture.
package sim
