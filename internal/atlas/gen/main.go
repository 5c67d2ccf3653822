// Command gen draws the glyph atlas of internal/atlas.
//
//	go run ./gen -droid DroidSansFallbackFull.ttf -noto NotoSansCJK-Regular.ttc -dejavu DejaVuSans.ttf -mono DejaVuSansMono.ttf -o glyphs.zst
//
// The fonts are those of Debian's fonts-droid-fallback, fonts-noto-cjk and fonts-dejavu-core.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"

	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// What is drawn 12 dots wide from the Go fonts.
var latin = [][2]rune{{0x20, 0x7e}, {0xa0, 0x17f}, {0x370, 0x3ff}, {0x400, 0x45f}, {0x2010, 0x203f}, {0x20a0, 0x20bf}, {0x2100, 0x22ff}, {0x2500, 0x26ff}}

// What the Go fonts lack of the scripts that need no shaping, 12 dots wide: letters of Vietnamese and
// African languages, Greek with all accents, the rest of Cyrillic, the digits of Arabic and Persian.
var further = [][2]rune{{0x180, 0x24f}, {0x370, 0x3ff}, {0x460, 0x52f}, {0x660, 0x669}, {0x6f0, 0x6f9}, {0x1e00, 0x1eff}, {0x1f00, 0x1fff}, {0x20a0, 0x20bf}}

// Symbols that are one or two columns wide, depending on the printer: drawn both ways.
var symbols = [][2]rune{{0x203b, 0x203b}, {0x2100, 0x27bf}, {0x2900, 0x297f}, {0x2b00, 0x2bff}, {0x1f100, 0x1f1e5}}

// What is two columns wide everywhere.
var wide = [][2]rune{
	{0x2e80, 0x2fdf},
	{0x2ff0, 0x33ff},
	{0x3400, 0x4dbf},
	{0x4e00, 0x9fff},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe30, 0xfe4f},
	{0xff01, 0xff5e},
	{0xffe0, 0xffe6},
	{0x1f200, 0x1f2ff},
	{0x20000, 0x3134f},
}

// Faces, of the one font that has some: as wide as a Chinese character.
var faces = [][2]rune{{0x1f600, 0x1f64f}}

func main() {
	log.SetFlags(0)
	droidPath := flag.String("droid", "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", "Droid Sans Fallback")
	notoPath := flag.String("noto", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "Noto Sans CJK, the collection")
	dejavuPath := flag.String("dejavu", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "DejaVu Sans")
	monoPath := flag.String("mono", "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", "DejaVu Sans Mono")
	out := flag.String("o", "glyphs.zst", "atlas to write")
	flag.Parse()
	if err := run(*droidPath, *notoPath, *dejavuPath, *monoPath, *out); err != nil {
		log.Fatal(err)
	}
}

func run(droidPath, notoPath, dejavuPath, monoPath, out string) error {
	mono, err := opentype.Parse(gomono.TTF)
	if err != nil {
		return err
	}
	monoBold, err := opentype.Parse(gomonobold.TTF)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(droidPath)
	if err != nil {
		return err
	}
	droid, err := opentype.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", droidPath, err)
	}
	if data, err = os.ReadFile(dejavuPath); err != nil {
		return err
	}
	dejavu, err := opentype.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", dejavuPath, err)
	}
	if data, err = os.ReadFile(monoPath); err != nil {
		return err
	}
	vuMono, err := opentype.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", monoPath, err)
	}
	noto, err := face(notoPath, "Noto Sans CJK SC")
	if err != nil {
		return err
	}
	var (
		goRegular = pen{font: mono, size: 20, baseline: 19, width: 12, ink: 110}
		goBold    = pen{font: monoBold, size: 20, baseline: 19, width: 12, ink: 120}
		fromDroid = pen{font: droid, size: 24, baseline: 21, width: 24, ink: 104}
		fromNoto  = pen{font: noto, size: 24, baseline: 21, width: 24, ink: 104}
		fromVu    = pen{font: dejavu, size: 22, baseline: 20, width: 24, centre: true, ink: 104}
		monoVu    = pen{font: vuMono, size: 18, baseline: 19, width: 12, centre: true, ink: 110} // room for two accents
		slimVu    = pen{font: dejavu, size: 17, baseline: 19, width: 12, centre: true, ink: 110}
		thinVu    = pen{font: dejavu, size: 22, baseline: 20, width: 12, centre: true, squeeze: true, ink: 90}
		thinDroid = pen{font: droid, size: 24, baseline: 21, width: 12, squeeze: true, ink: 90}
		thinNoto  = pen{font: noto, size: 24, baseline: 21, width: 12, squeeze: true, ink: 90}
	)
	planes := []plane{
		{width: 12, layers: []layer{{goRegular, latin}, {monoVu, further}, {slimVu, further}, {thinDroid, symbols}, {thinNoto, symbols}, {thinVu, symbols}}},
		{width: 24, layers: []layer{{fromDroid, slices.Concat(symbols, wide)}, {fromNoto, slices.Concat(symbols, wide)}, {fromVu, slices.Concat(symbols, faces)}}},
		{width: 12, bold: true, layers: []layer{{goBold, latin}}},
	}
	packed, note, err := pack(planes)
	if err != nil {
		return err
	}
	fmt.Println(note)
	return os.WriteFile(out, packed, 0o644)
}

// face returns the font of a collection that has the name.
func face(path, name string) (*sfnt.Font, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := opentype.ParseCollection(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range all.NumFonts() {
		f, err := all.Font(i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		got, err := f.Name(nil, sfnt.NameIDFull)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if got == name || got == name+" Regular" {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s: no face %q", path, name)
}
