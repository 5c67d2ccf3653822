package layout_test

import (
	"os"
	"testing"

	"tilld/printer"
	"tilld/printer/layout"
)

func caps80() printer.Caps {
	return printer.Caps{Columns: 48, Dots: 576, DPI: 203, Chinese: true, Cutter: true}
}
func caps58() printer.Caps { return printer.Caps{Columns: 32, Dots: 384, DPI: 203, Chinese: true} }

func zh() printer.Doc {
	item := func(name, qty, price, total string) printer.Columns {
		return printer.Columns{Cells: []printer.Cell{{Text: name}, {Text: qty, Width: 4, Align: printer.Right}, {Text: price, Width: 8, Align: printer.Right, Keep: true}, {Text: total, Width: 9, Align: printer.Right, Keep: true}}}
	}
	return printer.Doc{
		printer.Text{Line: "山海茶铺", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Text{Line: "徐汇滨江店 · 收银台 03", Align: printer.Center},
		printer.Rule{Double: true},
		printer.Columns{Cells: []printer.Cell{{Text: "单号 000123"}, {Text: "2026-11-24 14:32", Align: printer.Right}}},
		printer.Columns{Cells: []printer.Cell{{Text: "收银员 陈"}, {Text: "导购 李", Align: printer.Right}}},
		printer.Rule{},
		item("品名", "数量", "单价", "金额"),
		item("武夷山大红袍特级礼盒装（250 克）", "1", "198.00", "198.00"),
		item("Earl Grey tea, loose leaf", "2", "12.50", "25.00"),
		item("龙井", "0.735", "320.00", "235.20"),
		printer.Rule{},
		printer.Columns{Cells: []printer.Cell{{Text: "优惠"}, {Text: "-¥20.00", Width: 12, Align: printer.Right, Keep: true}}},
		printer.Columns{Cells: []printer.Cell{{Spans: []printer.Span{{Text: "合计", Width: 2, Height: 2, Bold: true}}}, {Spans: []printer.Span{{Text: "¥438.20", Width: 2, Height: 2, Bold: true}}, Align: printer.Right, Keep: true}}},
		printer.Columns{Cells: []printer.Cell{{Text: "微信支付"}, {Text: "¥438.20", Align: printer.Right, Keep: true}}},
		printer.Rule{},
		printer.QR{Payload: "https://shanhai.example.cn/join?s=sh-001&t=03", Caption: "扫码加入会员群，领 10 元优惠券"},
		printer.Barcode{Symbology: "code128", Data: "SH001-03-000123", HRI: true},
		printer.Text{Line: "谢谢惠顾 欢迎再来", Align: printer.Center},
		printer.Text{Line: "重打 COPY", Align: printer.Center, Invert: true, Bold: true},
		printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: "桌号 Table", Align: printer.Center}, {Text: "12", Width: 8, Align: printer.Center}, {Text: "两行文字会自动换行显示", Width: 12}}},
		printer.Rule{},
		printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: "备注"}, {Text: "Crème brûlée €5", Width: 20}}},
		printer.Cut{},
	}
}

func TestLook(t *testing.T) {
	for name, c := range map[string]printer.Caps{"80": caps80(), "58": caps58()} {
		data, err := layout.Preview(zh(), c)
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/prt/zh"+name+".png", data, 0o644)
	}
}
