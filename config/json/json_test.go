package json_test

import (
	std "encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/json"
)

// inner is a struct within another; Deep is a member of what embeds it.
type inner struct {
	Deep  string `json:"deep"`
	Count int    `json:",omitempty"`
}

// shapes has every kind of value that is known. Raw is apart: each library has its own type.
type shapes struct {
	inner
	Text    string             `json:"text"`
	Short   string             `json:"short,omitempty"`
	Flag    bool               `json:"flag"`
	Small   int8               `json:"small"`
	Big     uint64             `json:"big"`
	Part    float64            `json:"part"`
	Half    float32            `json:"half,omitempty"`
	At      time.Time          `json:"at"`
	Data    []byte             `json:"data"`
	Pair    [2]int             `json:"pair"`
	Mark    *[2]int            `json:"mark,omitempty"`
	List    []inner            `json:"list"`
	Pointer *inner             `json:"pointer"`
	Nothing *struct{}          `json:"nothing,omitempty"`
	Texts   map[string]string  `json:"texts,omitempty"`
	Table   map[string]inner   `json:"table"`
	Places  map[string][]int   `json:"places"`
	Numbers map[string]float64 `json:"numbers"`
	Unnamed string
	Hidden  string `json:"-"`
}

// documents are read by both libraries; the fuzz target starts from them.
var documents = []string{
	`{}`, `null`, `[]`, `1`, ` {"text" : "a" , "deep":"b"} `, `{"TEXT":"folded","unnamed":"x","Deep":"y"}`,
	`{"text":"<&>\u2028\ud800\ud83d\ude00\u0000\b\f\"\\\/é"}`, "{\"text\":\"\xff\u2029\"}",
	`{"small":127,"big":18446744073709551615,"part":1e21,"half":0.1}`, `{"small":128}`, `{"small":1.0}`, `{"big":-1}`, `{"part":1e999}`,
	`{"part":1e-7}`, `{"part":-0.000001}`, `{"part":123456789.125}`, `{"part":100000000000000000000}`, `{"part":5e-324}`,
	`{"at":"2024-02-29T01:02:03.5+02:00"}`, `{"data":"aGVsbG8="}`, `{"data":null}`, `{"data":[1,2]}`,
	`{"pair":[1]}`, `{"pair":[1,2,3]}`, `{"mark":[3,4],"nothing":{}}`, `{"list":[{"deep":"a"},null,{"deep":"b","Count":2}]}`,
	`{"pointer":{"deep":"p"},"pointer":null}`, `{"pointer":{"deep":"p"},"pointer":{"Count":1}}`,
	`{"texts":{"b":"2","a":"1","":"0"},"table":{"x":{"deep":"1"}},"places":{"p":[1,2]},"numbers":{"n":2.5}}`,
	`{"flag":"true","text":1,"list":{},"table":[],"pair":"x","at":5,"pointer":[]}`, `{"text":"a","text":null}`,
	`{"text":"unknown passed over","other":{"a":[1,{"b":2}]}}`, `{`, `{"a":1}x`, `{"a":01}`, "\xef\xbb\xbf{}",
}

// same compares what both libraries make of a document, and of what was read from it.
func same(t *testing.T, text []byte) {
	t.Helper()
	if ours, theirs := json.Valid(text), std.Valid(text); ours != theirs {
		t.Fatalf("%q: valid is %v, want %v", text, ours, theirs)
	}
	var ours, theirs shapes
	err, want := json.Unmarshal(text, &ours), std.Unmarshal(text, &theirs)
	if (err == nil) != (want == nil) {
		t.Fatalf("%q: error is %v, want %v", text, err, want)
	}
	if err != nil {
		return // what is read beside an error differs for lists
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Fatalf("%q: read %+v, want %+v", text, ours, theirs)
	}
	got, err := json.Marshal(&ours)
	expected, want := std.Marshal(&ours)
	if string(got) != string(expected) || (err == nil) != (want == nil) {
		t.Fatalf("%q: written as\n%s (%v), want\n%s (%v)", text, got, err, expected, want)
	}
	var indented strings.Builder
	e := std.NewEncoder(&indented)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	var lines strings.Builder
	if e.Encode(&ours) == nil && (json.Write(&lines, &ours) != nil || lines.String() != indented.String()) {
		t.Fatalf("%q: indented as\n%s, want\n%s", text, lines.String(), indented.String())
	}
	raw, err := json.Marshal(struct{ Raw json.RawMessage }{text})
	expected, want = std.Marshal(struct{ Raw std.RawMessage }{text})
	if string(raw) != string(expected) || (err == nil) != (want == nil) {
		t.Fatalf("%q: kept as %s (%v), want %s (%v)", text, raw, err, expected, want)
	}
}

func TestIsWhatTheStandardLibraryDoes(t *testing.T) {
	for _, text := range documents {
		same(t, []byte(text))
	}
	for _, v := range []any{
		shapes{},
		&shapes{List: []inner{}, Data: []byte{}, Table: map[string]inner{}}, nil, "x",
		[]any{nil, 1, "a", true, 1.5},
		map[string]any{"b": []map[string]any{{"c": "<"}}, "a": nil},
		(*shapes)(nil), []string(nil), math.MaxFloat32, float32(1e-7),
	} {
		got, err := json.Marshal(v)
		want, _ := std.Marshal(v)
		if err != nil || string(got) != string(want) {
			t.Errorf("%+v is written as %s (%v), want %s", v, got, err, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { same(t, text) })
}

func TestRawMessagesAreKeptAsTheyAre(t *testing.T) {
	var kept struct {
		Object, Text, Nothing, Number, Absent json.RawMessage
	}
	if err := json.Unmarshal([]byte(`{"object": { "a" : [1] }, "text": "\u00e9", "nothing": null, "number": 1.50}`), &kept); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got  json.RawMessage
		want string
	}{{kept.Object, `{ "a" : [1] }`}, {kept.Text, `"\u00e9"`}, {kept.Nothing, "null"}, {kept.Number, "1.50"}, {kept.Absent, ""}} {
		if string(c.got) != c.want {
			t.Errorf("kept %q, want %q", c.got, c.want)
		}
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	var into struct {
		A struct {
			B map[string]int `json:"b"`
		} `json:"a"`
	}
	err := json.Unmarshal([]byte(`{"a":{"b":{"c":"x","d":4}}}`), &into)
	var wrong *json.TypeError
	if !errors.As(err, &wrong) || err.Error() != "a.b.c must not be a string" {
		t.Errorf("the error is %v", err)
	}
	if into.A.B["d"] != 4 {
		t.Error("what follows a value of a wrong type was not read")
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(`{"a":}`), &into); !errors.As(err, &syntax) || syntax.Offset != 5 {
		t.Errorf("the error is %v", err)
	}
	for _, v := range []any{math.NaN(), func() {}, json.RawMessage("{"), []any{make(chan int)}} {
		if out, err := json.Marshal(v); err == nil {
			t.Errorf("%T is written as %s", v, out)
		}
	}
}

func TestValuesOutliveTheText(t *testing.T) {
	text := []byte(`{"key":"value","raw":["raw"]}`)
	var got struct {
		Key string
		Raw json.RawMessage
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	copy(text, strings.Repeat("#", len(text))) // as a scanner does that reads the next line
	if got.Key != "value" || string(got.Raw) != `["raw"]` {
		t.Errorf("%+v", got)
	}
}
