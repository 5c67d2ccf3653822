// Package star drives Star Micronics receipt printers: those of the StarPRNT
// language (mC-Print, mPOP, TSP100IV) and of line mode (TSP650, TSP700, TSP800).
//
// Everything is printed as dots, text too: Star's printers differ in character
// sets and switch them by memory switches, their pictures are alike. So what is
// on paper is what the preview shows.
//
// A nil error of Print proves that the port took all bytes and, where the printer
// answers, that it was well afterwards (evidence "status"). These printers have
// no process id; their ETB counter is not used.
//
// Sources: Star line mode command specifications; StarPRNT command manual.
package star
