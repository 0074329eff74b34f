"""What the official tasks' records become: linearisations of small ones, first texts and counts of real ones."""

import pytest
from official import ANNOTATION, DART, LOGIC, MTOP, QUESTION, SCHEMA, TOTTO, TRIPLE, cell, records_of, without

from softshot import catalogue
from softshot.data import spider, totto
from softshot.data.convert import read_records
from softshot.data.registry import CONVERTERS

# What a record looks like


def test_dart_record(tmp_path):
    other = {"source": "e2e", "text": "In 1973\n Mars Hill  College joined. "}
    item = {"tripleset": [TRIPLE, ["Mars Hill College", "LOCATION", "Mars  Hill"]], "annotations": [ANNOTATION, other]}
    first, second = records_of(tmp_path, "dart", item, DART)
    assert first == {
        "id": "dart-train-00000",
        "input": "Mars Hill College : JOINED : 1973 | Mars Hill College : LOCATION : Mars Hill",
        "target": "Mars Hill College joined in 1973.",
        "references": ["Mars Hill College joined in 1973.", "In 1973 Mars Hill College joined."],
        "meta": {"sources": ["WikiSQL_lily", "e2e"], "triples": 2},
    }
    assert second["id"] == "dart-train-00001"


def test_an_empty_dart_annotation_beside_others_is_left_out_as_in_the_official_test_file(tmp_path):
    item = {"tripleset": [TRIPLE], "annotations": [{"source": "e2e", "text": " "}, ANNOTATION]}
    (record,) = records_of(tmp_path, "dart", item)
    assert record["references"] == [ANNOTATION["text"]]
    assert record["meta"]["sources"] == ["WikiSQL_lily"]


def test_mtop_record_with_line_ends_of_windows_and_a_byte_order_mark(tmp_path):
    source = tmp_path / "train.txt"
    source.write_bytes(f"\ufeff{MTOP}\r\n8\tIN:GET_ALARM\t\tmy  alarms \t\ten_XX\t[IN:GET_ALARM ]\t{{}}\r\n".encode())
    first, second = read_records("mtop", catalogue.task_entry("mtop", {}), source, "train")
    form = "[IN:GET_EVENT [SL:CATEGORY_EVENT concerts ] ]"
    assert first == {
        "id": "mtop-train-7",
        "input": "Show me concerts",
        "target": form,
        "references": [form],
        "meta": {"domain": "event", "intent": "IN:GET_EVENT", "locale": "en_XX"},
    }
    assert second["input"] == "my alarms"


def test_logic2text_record(tmp_path):
    (record,) = records_of(tmp_path, "logic2text", LOGIC, split="validation")
    assert record == {
        "id": "logic2text-validation-00000",
        "input": f"{LOGIC['logic_str']} Caption: eagle riders | rank, mecha",
        "target": "there is one rider of rank g1 .",
        "references": ["there is one rider of rank g1 ."],
        "meta": {"logic": LOGIC["logic_str"]},
    }


def test_spider_record(tmp_path):
    (record,) = records_of(tmp_path, "spider", QUESTION)
    assert record == {
        "id": "spider-train-00000",
        "input": "How many dogs? | pets | pet : pet_id , kind | owner : pet_id , home town",
        "target": 'select count(*) from pet where kind = "Dog "',
        "references": ['select count(*) from pet where kind = "Dog "'],
        "meta": {
            "group": "pets",
            "db_id": "pets",
            "schema": {
                "tables": ["Pet", "Owner"],
                "columns": SCHEMA["column_names_original"],
                "types": SCHEMA["column_types"],
                "foreign_keys": [[3, 1]],
                "primary_keys": [1],
            },
            "query": QUESTION["query"],
            "subset": "easy",
        },
    }


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("SELECT a ,  B,c FROM T ;", "select a, b, c from t"),
        ("SELECT  X\nFROM T AS T1 WHERE Y  >=  3", "select x from t as t1 where y >= 3"),
        ("SELECT X FROM T WHERE Y = 'It ''S' AND Z = \"O'Neil , B;\"", "select x from t where y = 'It ''S' and z = \"O'Neil , B;\""),  # noqa: E501
        ("SELECT X FROM T WHERE Y = 'Never Closed", "select x from t where y = 'never closed"),
    ],
)  # fmt: skip
def test_a_query_is_normalised_outside_its_quotes(query, target):
    assert spider.normalise(query) == target


def test_totto_record(tmp_path):
    (record,) = records_of(tmp_path, "totto", TOTTO, split="validation")
    assert record == {
        "id": "totto-validation--5",
        "input": "<page_title> A Club </page_title> <section_title> Titles </section_title> <table>"
        " <cell> lost <col_header> Result </col_header> <row_header> 1999 </row_header> </cell>"
        " <cell> won <col_header> Result </col_header> <row_header> 1999 </row_header> </cell> </table>",
        "target": "They lost in 1999.",
        "references": ["They lost in 1999.", "Lost, 1999."],
        "meta": {
            "group": "A Club",
            "page_title": "A  Club",
            "section_title": "Titles",
            "section_text": "",
            "highlighted": ["lost", "won"],
            "table": ["Year", "Result", "1999", "won", "twice ", "lost", "once"],
            "subset": "non-overlap",
        },
    }
    train = without(TOTTO, "overlap_subset")
    assert records_of(tmp_path, "totto", train)[0]["meta"]["subset"] is None


def test_totto_grid_puts_cells_at_their_true_places():
    table = [
        [cell("a", rows=3), cell("b", columns=2), cell("c", rows=2)],
        [cell("d"), cell("e"), cell("f")],
        [cell("g", columns=0), cell("h", rows=99)],
        [cell("i")],
    ]
    places = {c.value: (c.top, c.bottom, c.left, c.right) for line in totto.grid(table) for c in line}
    assert places == {
        "a": (0, 3, 0, 1),
        "b": (0, 1, 1, 3),
        "c": (0, 2, 3, 4),
        "d": (1, 2, 1, 2),
        "e": (1, 2, 2, 3),
        "f": (1, 2, 4, 5),
        "g": (2, 3, 1, 2),  # a span of none covers one
        "h": (2, 101, 2, 3),
        "i": (3, 4, 0, 1),
    }


# Real records


SPLITS = [  # task, split, records, different inputs, references
    ("totto", "train", 8, 8, 17),
    ("totto", "validation", 12, 12, 36),
    ("dart", "train", 60, 60, 60),
    ("dart", "validation", 30, 30, 116),
    ("dart", "test", 60, 54, 166),
    ("logic2text", "train", 14, 14, 14),
    ("logic2text", "validation", 8, 8, 8),
    ("logic2text", "test", 8, 8, 8),
    ("spider", "train", 61, 61, 61),
    ("spider", "validation", 36, 36, 36),
    ("mtop", "train", 60, 60, 60),
    ("mtop", "validation", 30, 30, 30),
    ("mtop", "test", 30, 30, 30),
]
FIRST = {  # id, input and target of the first validation record
    "totto": (
        "totto-validation--102195251449122834",
        "<page_title> Alessandro Andrei </page_title> <section_title> World record </section_title> <table>"
        " <cell> 22.72 <col_header> 3rd </col_header> </cell> <cell> 22.84 <col_header> 4th </col_header> </cell>"
        " <cell> 22.91 <col_header> 5th </col_header> </cell> <cell> 22.74 <col_header> 6th </col_header> </cell>"
        " </table>",
        "In 1987 Alessandro Andrei broke the world record three times in the same competition with successive throws"
        " of 22.72, 22.84 & 22.91 m and finishing the sequence with a throw of 22.74 m.",
    ),
    "dart": (
        "dart-validation-00000",
        "The Cricketers : eatType : coffee shop | The Cricketers : food : Chinese | The Cricketers : customer rating :"
        " 5 out of 5 | The Cricketers : familyFriendly : yes | The Cricketers : near : The Portland Arms",
        "The Cricketers coffee shop near The Portland Arms offers Chinese cuisine. It is family friendly and is rated"
        " a 5 out of 5.",
    ),
    "logic2text": (
        "logic2text-validation-00000",
        "and { only { filter_eq { all_rows ; wheels ; 5 } } ; eq { hop { filter_eq { all_rows ; wheels ; 5 } ; class }"
        " ; 0 - 6 - 0t } } = true Caption: locomotives of the glasgow and south western railway | class, wheels, date,"
        " builder, no built, 1919 nos, lms class, lms nos",
        "the class 0-6-0t was the only one built with 5 wheels among the locomotives of the glasgow and south western"
        " railway .",
    ),
    "spider": (
        "spider-validation-00000",
        "How many singers do we have? | concert_singer | stadium : stadium_id , location , name , capacity , highest ,"
        " lowest , average | singer : singer_id , name , country , song_name , song_release_year , age , is_male"
        " | concert : concert_id , concert_name , theme , stadium_id , year | singer_in_concert : concert_id ,"
        " singer_id",
        "select count(*) from singer",
    ),
    "mtop": (
        "mtop-validation-e0",
        "call Nicholas and Natasha",
        "[IN:CREATE_CALL [SL:CONTACT Nicholas ] [SL:CONTACT Natasha ] ]",
    ),
}


@pytest.mark.parametrize(("task", "split", "count", "inputs", "references"), SPLITS)
def test_real_records(real_data, task, split, count, inputs, references):
    entry = catalogue.task_entry(task, {})
    records = list(read_records(task, entry, real_data / task / entry.files[split], split))
    assert len(records) == count
    assert len({record["id"] for record in records}) == count
    assert len({record["input"] for record in records}) == inputs
    assert sum(len(record["references"]) for record in records) == references
    assert {"group" in record["meta"] for record in records} == {CONVERTERS[task].grouped}
    for record in records:
        assert list(record) == ["id", "input", "target", "references", "meta"]
        assert record["id"].startswith(f"{task}-{split}-")
        assert record["target"] == record["references"][0]
        for text in [record["input"], *record["references"]]:
            assert text == " ".join(text.split()) != ""
    if split == "validation":
        assert tuple(records[0][key] for key in ("id", "input", "target")) == FIRST[task]


def test_real_totto_headers_over_merged_cells(real_data):
    entry = catalogue.task_entry("totto", {})
    path = real_data / "totto" / entry.files["validation"]
    records = {record["id"]: record for record in read_records("totto", entry, path, "validation")}
    assert records["totto-validation--6148715682412910509"]["input"] == (
        "<page_title> Nashville (2012 TV series) </page_title> <section_title> Ratings </section_title> <table>"
        " <cell> October 10, 2012 <col_header> Premiered </col_header> <col_header> Date </col_header>"
        " <row_header> 1 </row_header> </cell> <cell> 8.93 <col_header> Premiered </col_header>"
        " <col_header> Premiere viewers (in millions) </col_header> <row_header> 1 </row_header> </cell> </table>"
    )
    subsets = [record["meta"]["subset"] for record in records.values()]
    assert (subsets.count("overlap"), subsets.count("non-overlap")) == (7, 5)


def test_the_one_real_query_that_the_official_parser_refuses_is_a_record_in_no_subset(real_data):
    entry = catalogue.task_entry("spider", {})
    records = list(read_records("spider", entry, real_data / "spider" / entry.files["train"], "train"))
    (record,) = [record for record in records if record["meta"]["subset"] is None]
    assert record["meta"]["db_id"] == "assets_maintenance"
    assert " join ref_company_types as t3 " in record["target"]
