// Package receiptline reads ReceiptLine, the markup of receipt templates and of
// documents that head office sends. ReceiptLine is published by the Open
// Foodservice System Consortium; its nine ideas are described in docs/markup.md.
//
// What it cannot do here, on purpose: send bytes to the printer (the property
// "command" is refused) and open the cash drawer.
package receiptline
