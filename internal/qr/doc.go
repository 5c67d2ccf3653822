// Package qr makes QR codes and reads them. It is the one place where the
// symbol library (gozxing) is used for codes that are printed or shown: Make
// reads back what it made before it returns it, so that a code that cannot be
// scanned never reaches paper or glass.
//
// Symbols carry UTF-8 without an ECI header, the form that phone wallets read;
// the quiet zone is four modules (ISO/IEC 18004 §6.3.8).
package qr
