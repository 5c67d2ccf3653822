package gs1

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// linters are the dictionary's content checks by name. Not here, so that only
// length and character set count: couponcode and couponposoffer (North American
// coupons, in no use at our tills), packagetype (a code list of UN/CEFACT) and
// importeridx's meaning beyond its one character.
var linters = map[string]func(string) bool{
	"csum":          csum,
	"csumalpha":     csumAlpha,
	"gcppos1":       func(s string) bool { return companyPrefix(s) },
	"gcppos2":       func(s string) bool { return len(s) > 1 && companyPrefix(s[1:]) },
	"hasnondigit":   func(s string) bool { return strings.Trim(s, digits) != "" },
	"hh":            func(s string) bool { return within(s, 0, 23) },
	"hhmi":          func(s string) bool { return len(s) == 4 && within(s[:2], 0, 23) && within(s[2:], 0, 59) },
	"hyphen":        func(s string) bool { return strings.Trim(s, "-") == "" },
	"iban":          iban,
	"importeridx":   func(s string) bool { return len(s) == 1 && (inClass('Z', s[0]) && s != "=") },
	"iso3166":       country,
	"iso3166999":    func(s string) bool { return s == "999" || country(s) },
	"iso3166alpha2": countryLetters,
	"iso4217":       func(s string) bool { return strings.Contains(iso4217, " "+s+" ") },
	"iso5218":       func(s string) bool { return strings.Contains("0129", s) },
	"latitude":      func(s string) bool { return within(s, 0, 1_800_000_000) },
	"longitude":     func(s string) bool { return within(s, 0, 3_600_000_000) },
	"mediatype":     func(s string) bool { return within(s, 1, 10) || within(s, 80, 99) },
	"mi":            func(s string) bool { return within(s, 0, 59) },
	"nonzero":       func(s string) bool { return strings.Trim(s, "0") != "" },
	"nozeroprefix":  func(s string) bool { return s == "0" || !strings.HasPrefix(s, "0") },
	"pcenc":         percentEncoded,
	"pieceoftotal":  pieceOfTotal,
	"posinseqslash": positionInSequence,
	"ss":            func(s string) bool { return within(s, 0, 59) },
	"winding":       func(s string) bool { return s == "0" || s == "1" || s == "9" },
	"yesno":         func(s string) bool { return s == "0" || s == "1" },
	"yymmd0":        func(s string) bool { return date(s, true) },
	"yymmdd":        func(s string) bool { return date(s, false) },
	"yyyymmdd":      func(s string) bool { return calendarDay(s) },
	"zero":          func(s string) bool { return strings.Trim(s, "0") == "" },
}

const digits = "0123456789"

// csum is the check digit of keys: weights 3 and 1 in turn from the right
// (GS1 General Specifications §7.9.1).
func csum(s string) bool {
	sum := 0
	for i := range len(s) {
		n := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			n *= 3
		}
		sum += n
	}
	return len(s) > 1 && sum%10 == 0
}

// csumAlpha is the check character pair of a GMN (§7.9.5): prime weights from
// the right, modulo 1021.
func csumAlpha(s string) bool {
	const pairs = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	primes := [...]int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83}
	body := len(s) - 2
	if body < 1 || body > len(primes) {
		return false
	}
	sum := 0
	for i := range body {
		value := strings.IndexByte(set82, s[body-1-i])
		if value < 0 {
			return false
		}
		sum += value * primes[i]
	}
	sum %= 1021
	return s[body] == pairs[sum>>5] && s[body+1] == pairs[sum&31]
}

// companyPrefix reports whether s begins with the digits of a company prefix.
func companyPrefix(s string) bool {
	return len(s) >= 4 && strings.Trim(s[:4], digits) == ""
}

func within(s string, low, high int64) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= low && n <= high
}

// date checks YYMMDD; zeroDay allows day 00, the last of the month. The century
// does not matter but for 29 February, which is allowed in years divisible by 4.
func date(s string, zeroDay bool) bool {
	if len(s) != 6 {
		return false
	}
	if zeroDay && s[4:] == "00" {
		return within(s[2:4], 1, 12)
	}
	return calendarDay("20" + s)
}

func calendarDay(s string) bool {
	_, err := time.Parse("20060102", s)
	return err == nil
}

func country(s string) bool {
	n, err := strconv.Atoi(s)
	if err != nil {
		return false
	}
	r, err := language.EncodeM49(n)
	return err == nil && r.IsCountry()
}

func countryLetters(s string) bool {
	if len(s) != 2 || strings.ToUpper(s) != s {
		return false
	}
	r, err := language.ParseRegion(s)
	return err == nil && r.IsCountry() && r.String() == s
}

// iban is ISO 13616: the first four characters go to the end, letters become
// numbers from 10, and the whole is 1 modulo 97.
func iban(s string) bool {
	if len(s) < 5 {
		return false
	}
	var b strings.Builder
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			b.WriteRune(c)
		case c >= 'A' && c <= 'Z':
			b.WriteString(strconv.Itoa(int(c-'A') + 10))
		default:
			return false
		}
	}
	n, ok := new(big.Int).SetString(b.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

func percentEncoded(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) {
			return false
		}
		if _, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err != nil {
			return false
		}
		i += 2
	}
	return true
}

func pieceOfTotal(s string) bool {
	if len(s)%2 != 0 {
		return false
	}
	piece, total := s[:len(s)/2], s[len(s)/2:]
	return strings.Trim(piece, "0") != "" && strings.Trim(total, "0") != "" && piece <= total
}

func positionInSequence(s string) bool {
	position, end, ok := strings.Cut(s, "/")
	return ok && len(position) == len(end) && position != "0" && position <= end &&
		strings.Trim(position+end, digits) == ""
}

// iso4217 are the numeric currency codes in use (ISO 4217 list one).
const iso4217 = " 008 012 032 036 044 048 050 051 052 060 064 068 072 084 090 096 104 108 116 124 132 136 144 152 156 170 " +
	"174 188 191 192 203 208 214 222 230 232 238 242 262 270 292 320 324 328 332 340 344 348 352 356 360 364 368 376 388 " +
	"392 398 400 404 408 410 414 417 418 422 426 430 434 446 454 458 462 480 484 496 498 504 512 516 524 532 533 548 554 " +
	"558 566 578 586 590 598 600 604 608 634 643 646 654 682 690 702 704 706 710 728 748 752 756 760 764 776 780 784 788 " +
	"800 807 818 826 834 840 858 860 882 886 901 925 927 928 929 930 931 932 933 934 936 938 940 941 943 944 946 947 948 " +
	"949 950 951 952 953 955 956 957 958 959 960 961 962 963 964 965 967 968 969 970 971 972 973 975 976 977 978 979 980 " +
	"981 984 985 986 990 994 997 999 "
