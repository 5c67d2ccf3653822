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
		printer.Rule{}, printer.Feed{Lines: 2}, printer.Cut{}, printer.OpenDrawer{Pin: 2},
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
