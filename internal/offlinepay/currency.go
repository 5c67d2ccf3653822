package offlinepay

// numbers are the ISO 4217 numbers of the currencies that a till can ask for
// offline (ISO 4217:2015, list one).
var numbers = map[string]uint16{
	"AED": 784, "AUD": 36, "BRL": 986, "CAD": 124, "CHF": 756, "CNY": 156, "EUR": 978, "GBP": 826, "HKD": 344, "IDR": 360,
	"INR": 356, "JPY": 392, "KRW": 410, "KZT": 398, "MOP": 446, "MYR": 458, "NZD": 554, "PHP": 608, "RUB": 643, "SGD": 702,
	"THB": 764, "TWD": 901, "USD": 840, "VND": 704,
}

// CurrencyNumber returns the ISO 4217 number of a currency code.
func CurrencyNumber(code string) (uint16, bool) { n, ok := numbers[code]; return n, ok }
