package printertest

import (
	"fmt"

	"tilld/printer"
)

// Receipts are documents as the till makes them, by name, for golden tests,
// previews and benchmarks.
func Receipts() map[string]printer.Doc {
	return map[string]printer.Doc{"zh": chinese(), "en": english(), "long": long(), "codes": codes(), "signs": signs()}
}

func row(cells ...printer.Cell) printer.Columns { return printer.Columns{Cells: cells} }

func left(text string) printer.Cell { return printer.Cell{Text: text} }

func amount(text string) printer.Cell {
	return printer.Cell{Text: text, Align: printer.Right, Keep: true}
}

func item(name, quantity, price, total string) printer.Doc {
	return printer.Doc{
		printer.Text{Line: name},
		row(left("  "+quantity+" × "+price), amount(total)),
	}
}

func total(name, value string) printer.Columns {
	return row(printer.Cell{Spans: []printer.Span{{Text: name, Width: 2, Height: 2, Bold: true}}},
		printer.Cell{Spans: []printer.Span{{Text: value, Width: 2, Height: 2, Bold: true}}, Align: printer.Right, Keep: true})
}

// signs are characters that Chinese printers have, lack, or have under another
// code, each on a line of its own and in columns of mixed width.
func signs() printer.Doc {
	doc := printer.Doc{}
	for _, s := range []string{"¥", "€", "•", "½", "茶", "𠮷", "䶮", "★", "①", "👨\u200d👩\u200d👧"} {
		doc = append(doc, printer.Text{Line: s}, row(left("a茶"+s+"b"), printer.Cell{Text: "×" + s, Width: 8, Align: printer.Center}, amount("¥1.00")))
	}
	return append(doc, printer.Text{Line: "龙井茶 Longjing tea 明前特级礼盒装 gift box 250g 茶叶"}, printer.Cut{})
}

func chinese() printer.Doc {
	doc := printer.Doc{
		printer.Text{Line: "山海茶铺", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Text{Line: "滨江店 收银台 03", Align: printer.Center},
		printer.Rule{Double: true},
		row(left("单号 000123"), printer.Cell{Text: "2026-11-24 14:32", Align: printer.Right}),
		row(left("收银员 1007"), printer.Cell{Text: "导购 2031", Align: printer.Right}),
		printer.Rule{},
	}
	doc = append(doc, item("武夷山大红袍特级礼盒装（250 克）", "1", "198.00", "198.00")...)
	doc = append(doc, item("Earl Grey tea, loose leaf", "2", "12.50", "25.00")...)
	doc = append(doc, item("西湖龙井 散装", "0.735 kg", "320.00", "235.20")...)
	return append(doc,
		printer.Rule{},
		row(left("件数"), amount("4")),
		row(left("会员优惠"), amount("-¥20.00")),
		total("合计", "¥438.20"),
		row(left("微信支付"), amount("¥438.20")),
		row(left("本次积分"), amount("438")),
		printer.Rule{},
		printer.QR{Payload: "https://club.example.cn/j?s=sh-001&t=03", Caption: "扫码加入社群，领 10 元优惠券"},
		printer.Text{Line: "谢谢惠顾，欢迎再来", Align: printer.Center},
		printer.Cut{},
	)
}

func english() printer.Doc {
	doc := printer.Doc{
		printer.Text{Line: "Harbour Tea House", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Text{Line: "Till 03 - 12 Quay Street", Align: printer.Center},
		printer.Rule{Double: true},
		row(left("Receipt 000124"), printer.Cell{Text: "24 Nov 2026 14:40", Align: printer.Right}),
		printer.Rule{},
	}
	doc = append(doc, item("Oolong gift box with a long name that needs two lines on any paper", "1", "28.00", "28.00")...)
	doc = append(doc, item("Crème brûlée", "2", "4.50", "9.00")...)
	return append(doc,
		printer.Rule{},
		total("TOTAL", "37.00"),
		row(left("Cash"), amount("40.00")),
		row(left("Change"), amount("3.00")),
		printer.Rule{},
		printer.Barcode{Symbology: "code128", Data: "03-000124", HRI: true},
		printer.Text{Line: "COPY 重打", Align: printer.Center, Invert: true, Bold: true},
		printer.Text{Line: "Thank you", Align: printer.Center, Underline: true},
		printer.Cut{},
	)
}

func long() printer.Doc {
	doc := printer.Doc{printer.Text{Line: "长小票 long receipt", Align: printer.Center, Height: 2}, printer.Rule{}}
	for i := range 100 {
		doc = append(doc, item(fmt.Sprintf("商品 %03d 乌龙茶 oolong", i+1), fmt.Sprint(i%9+1), "9.90", fmt.Sprintf("%.2f", float64(i%9+1)*9.9))...)
	}
	return append(doc, printer.Rule{}, total("合计", "4,860.90"), printer.Cut{})
}

func codes() printer.Doc {
	return printer.Doc{
		printer.Text{Line: "codes", Align: printer.Center},
		printer.QR{Payload: "https://a.example.cn/1", MM: 20, Align: printer.Left},
		printer.QR{Payload: "https://a.example.cn/2", MM: 25, Align: printer.Right, Level: "H"},
		printer.Barcode{Symbology: "ean13", Data: "6901234567892", HRI: true},
		printer.Barcode{Symbology: "itf", Data: "1234567890", HeightMM: 6},
		printer.Feed{Lines: 1},
		printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: "桌号", Align: printer.Center}, {Text: "12", Width: 8, Align: printer.Center}}},
		printer.Rule{},
		printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: "备注"}, {Text: "少冰 less ice", Width: 14}}},
		printer.Cut{},
	}
}
