package printer_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"tilld/printer"
)

func TestDocSurvivesJSON(t *testing.T) {
	doc := printer.Doc{
		printer.Text{Line: "茶 <b>", Align: printer.Center, Width: 2, Bold: true},
		printer.Columns{Cells: []printer.Cell{{Text: "茶"}, {Text: "¥12.50", Width: 10, Align: printer.Right, Keep: true}}},
		printer.QR{Payload: "https://example.cn/1", MM: 30},
		printer.Barcode{Symbology: "ean13", Data: "6901234567892", HRI: true},
		printer.Image{PNG: []byte{1, 2, 3}},
		printer.Rule{},
		printer.Feed{Lines: 2},
		printer.Cut{},
		printer.OpenDrawer{Pin: 2},
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var got printer.Doc
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, doc) {
		t.Errorf("got %#v\nwant %#v", got, doc)
	}
	if err := json.Unmarshal([]byte(`[{"block":"command","hex":"1b70"}]`), &got); err == nil {
		t.Error("an unknown block is accepted")
	}
}

// What is read can be written and read again, unchanged.
func FuzzDoc(f *testing.F) {
	f.Add([]byte(`[{"block":"text","line":"茶","spans":[{"text":"a","bold":true}]},{"block":"columns","cells":[{"text":"x","keep":true}],"border":"line"}]`))
	f.Add([]byte(`[{"block":"qr","payload":"1"},{"block":"image","png":"AQID"},{"block":"rule","columns":3},{"block":"cut"},{"block":"open_drawer","pin":5}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var one, two printer.Doc
		if json.Unmarshal(data, &one) != nil {
			return
		}
		text, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &two); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := json.Marshal(two)
		if err != nil || string(again) != string(text) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
	})
}
