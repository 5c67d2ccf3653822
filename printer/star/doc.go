// Package star drives Star Micronics receipt printers: those of the StarPRNT
// language (mC-Print, mPOP, TSP100IV) and of line mode (TSP650, TSP700, TSP800).
//
// Everything is printed as dots, text too: Star's printers differ in character
// sets and switch them by memory switches, their pictures are alike. So what is
// on paper is what the preview shows.
//
// A nil error of Print proves that the port took all bytes; the evidence says
// more: "process_id" that the printer has echoed the job's mark after the printing
// (print-end counter, ESC GS ETX), "in_order" that its counter of ETB has counted
// the job, "status" only that it was well afterwards. See adr/0110.
//
// Sources: Star line mode command specifications; StarPRNT command specifications
// rev. 2.25.
package star
