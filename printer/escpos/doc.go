// Package escpos drives receipt printers that speak ESC/POS: Epson's and the
// many that copy it, over TCP 9100, serial lines, the USB printer class, or into
// a file.
//
// What a nil error of Print proves depends on the printer; the evidence says it.
// From best to worst: the printer answered the job's process id (GS ( H: it is
// on paper), it answered a query that stood in line behind the job (GS r: it was
// processed), its real-time status was good afterwards (DLE EOT), the port took
// all bytes.
//
// Text is sent in the printer's own characters where it has them (GB18030
// two-byte, or a code page) and as dots where it has not, so that every text is
// printed. Codes are always dots: copies of the standard misprint the printer's
// own QR codes. No text can become a command: what is below 20h and 7Fh is
// dropped after the conversion, and the drawer is opened by its own block alone.
//
// Sources: Epson's ESC/POS command reference; manuals of Citizen CT-S2000,
// Samsung SRP-350, HPRT and SPRT printers; escpos-printer-db.
package escpos
