"""One full record of each stream, in the shape in which its service sends it."""

from __future__ import annotations

from typing import Any

_ANN = {
    "self": "https://acme.atlassian.net/rest/api/3/user?accountId=a1",
    "accountId": "a1",
    "displayName": "Ann Lee",
    "emailAddress": "ann@acme.example",
    "active": True,
    "timeZone": "Asia/Kathmandu",
    "accountType": "atlassian",
}


def _doc(*texts: str) -> dict[str, Any]:
    said = [{"type": "text", "text": text} for text in texts]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": said}]}


_FILE = {
    "id": "501",
    "filename": "测试报告.pdf",
    "author": _ANN,
    "created": "2026-11-02T09:00:00.000+0545",
    "size": 120,
    "mimeType": "application/pdf",
    "content": "https://acme.atlassian.net/rest/api/3/attachment/content/501",
}
_ISSUE = {
    "id": "10001",
    "key": "ACME-1",
    "self": "https://acme.atlassian.net/rest/api/3/issue/10001",
    "expand": "renderedFields,names",
    "properties": {"keepstep": {"marker": "m-1"}},
    "fields": {
        "summary": "Order the cables",
        "description": _doc("as ", "agreed"),
        "issuetype": {"id": "10003", "name": "Task", "subtask": False, "hierarchyLevel": 0},
        "project": {"id": "10000", "key": "ACME", "projectTypeKey": "software"},
        "status": {"id": "10001", "name": "进行中", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "priority": {"id": "2", "name": "High"},
        "assignee": _ANN,
        "reporter": _ANN,
        "creator": _ANN,
        "labels": ["keepstep-m-1", "cables"],
        "duedate": "2026-12-01",
        "resolutiondate": "2026-12-02T10:00:00.000-0330",
        "created": "2026-11-01T10:00:00.000+0100",
        "updated": "2026-11-02T10:00:00.000+0100",
        "parent": {"id": "10000", "key": "ACME-0", "fields": {"issuetype": {"hierarchyLevel": 1}}},
        "issuelinks": [
            {"id": "7", "type": {"id": "10000", "name": "Blocks"}, "inwardIssue": {"id": "10009", "fields": {}}}
        ],
        "attachment": [_FILE],
        "customfield_10020": [{"id": 1, "name": "Sprint 1", "state": "active"}],
        "comment": {
            "total": 1,
            "comments": [
                {
                    "id": "9",
                    "author": _ANN,
                    "updateAuthor": _ANN,
                    "body": _doc("done"),
                    "created": "2026-11-02T10:00:00.000+0100",
                    "updated": "2026-11-02T10:00:00.000+0100",
                    "visibility": {"type": "role", "value": "Developers"},
                    "properties": [{"key": "keepstep", "value": {"marker": "m-2"}}],
                }
            ],
        },
    },
}
_CARD = {
    "id": "5f0000000000000000000001",
    "name": "Ship it",
    "desc": "**soon**",
    "closed": False,
    "idBoard": "5f0000000000000000000002",
    "idList": "5f0000000000000000000003",
    "idMembers": ["5f0000000000000000000004"],
    "labels": [{"id": "5f0000000000000000000005", "name": "", "color": "green_dark"}],
    "due": "2026-12-01T09:00:00.000Z",
    "start": None,
    "dueComplete": True,
    "dateCompleted": "2026-12-01T09:00:00.000Z",
    "dateLastActivity": "2026-11-02T09:00:00.000Z",
    "url": "https://trello.com/c/abc/1-ship-it",
    "shortUrl": "https://trello.com/c/abc",
    "pos": 65535.5,
    "badges": {"attachments": 2},
    "attachments": [
        {"id": "5f0000000000000000000006", "url": "https://keepstep.invalid/m/m-1", "name": "m", "isUpload": False},
        {"id": "5f0000000000000000000007", "url": "https://a.example/x", "name": "x", "isUpload": True, "bytes": 9},
    ],
    "checklists": [
        {"id": "c1", "name": "Steps", "pos": 1, "checkItems": [{"id": "i1", "name": "one", "state": "complete"}]}
    ],
    "customFieldItems": [{"id": "v", "idCustomField": "f", "value": {"number": "10"}, "idValue": None}],
}
_PERSON = {"name": "Priya Bose", "id": "5000000000000000101", "email": "priya@acme.example"}
_ZOHO = {
    "id": "5000000000000000001",
    "Owner": _PERSON,
    "Created_By": _PERSON,
    "Modified_By": _PERSON,
    "Created_Time": "2026-11-01T10:00:00+05:30",
    "Modified_Time": "2026-11-02T10:00:00+05:30",
    "Tag": [{"name": "urgent", "id": "5000000000000000201", "color_code": None}],
    "Description": "价格 & 条件",
    "Keepstep_Key": "m-1",
    "$editable": True,
    "$approval": {"delegate": False, "approve": False, "reject": False, "resubmit": False},
}
_UNDER = {"What_Id": {"name": "Deal", "id": "5000000000000000301"}, "$se_module": "Deals"}
_ACCOUNT = {"name": "Acme", "id": "5000000000000000401"}
_NOTE_UNDER = {
    "module": {"api_name": "Deals", "id": "5000000000000000501"},
    "name": "Deal",
    "id": "5000000000000000301",
}

ROWS: dict[str, dict[str, Any]] = {
    "jira issues": _ISSUE,
    "jira attachments": _ISSUE,
    "trello cards": _CARD,
    "trello lists": {"id": "5f0000000000000000000003", "name": "To do", "closed": False, "pos": 1, "idBoard": "b"},
    "trello labels": {"id": "5f0000000000000000000005", "name": "urgent", "color": None, "idBoard": "b"},
    "trello members": {"id": "5f0000000000000000000004", "fullName": "Ann Lee", "username": "annlee"},
    "trello checklists": {
        "id": "5f0000000000000000000008",
        "name": "Steps",
        "idCard": "5f0000000000000000000001",
        "idBoard": "b",
        "pos": 16384,
        "checkItems": [{"id": "i1", "name": "one", "state": "incomplete", "pos": 1, "due": None, "idMember": None}],
    },
    "trello comments": {
        "id": "5f0000000000000000000009",
        "type": "commentCard",
        "date": "2026-11-02T09:00:00.000Z",
        "idMemberCreator": "5f0000000000000000000004",
        "memberCreator": {"id": "5f0000000000000000000004", "fullName": "Ann Lee"},
        "appCreator": {"id": "k"},
        "data": {
            "text": "done",
            "dateLastEdited": "2026-11-02T10:00:00.000Z",
            "card": {"id": "5f0000000000000000000001", "shortLink": "abc", "name": "Ship it"},
            "board": {"id": "5f0000000000000000000002"},
        },
    },
    "zoho Accounts": {
        **_ZOHO,
        "Account_Name": "Acme",
        "Website": "acme.example",
        "Phone": "+86 10 1234",
        "Industry": None,
    },
    "zoho Contacts": {**_ZOHO, "First_Name": "Li", "Last_Name": "Na", "Full_Name": "Li Na", "Account_Name": _ACCOUNT},
    "zoho Leads": {**_ZOHO, "First_Name": "Li", "Last_Name": "Na", "Company": "Acme", "$converted": False},
    "zoho Deals": {
        **_ZOHO,
        "Deal_Name": "Website",
        "Account_Name": _ACCOUNT,
        "Stage": "Qualification",
        "Amount": 1234567.89,
        "Currency": "CNY",
        "$currency_symbol": "¥",
        "Closing_Date": "2026-12-01",
    },
    "zoho Tasks": {
        **_ZOHO,
        **_UNDER,
        "Subject": "Call back",
        "Status": "In Progress",
        "Priority": "High",
        "Due_Date": "2026-12-01",
        "Closed_Time": "2026-12-01T10:00:00+05:30",
    },
    "zoho Notes": {**_ZOHO, "Note_Title": "[feedback] slow", "Note_Content": "a &lt; b", "Parent_Id": _NOTE_UNDER},
    "zoho Cases": {**_ZOHO, "Subject": "Slow", "Status": "New", "Account_Name": _ACCOUNT, "Deal_Name": _ACCOUNT},
    "zoho Calls": {**_ZOHO, **_UNDER, "Subject": "Call", "Call_Start_Time": "2026-11-02T10:00:00+05:30"},
    "zoho Events": {**_ZOHO, **_UNDER, "Event_Title": "Meeting", "Start_DateTime": "2026-11-02T10:00:00+05:30"},
    "zoho users": {
        "id": "5000000000000000101",
        "full_name": "Priya Bose",
        "email": "p@acme.example",
        "status": "active",
    },
    "drive files": {
        "id": "file",
        "name": "план.pdf",
        "mimeType": "application/pdf",
        "description": "v1",
        "parents": ["folder"],
        "trashed": False,
        "explicitlyTrashed": False,
        "version": "7",
        "createdTime": "2026-11-01T10:00:00.000Z",
        "modifiedTime": "2026-11-01T10:00:00Z",
        "webViewLink": "https://drive.example/file",
        "size": "123456789012",
        "md5Checksum": "0" * 32,
        "appProperties": {"keepstep": "m-1", "other": "x"},
        "ownedByMe": True,
        "owners": [{"displayName": "Ada", "emailAddress": "ada@acme.example", "permissionId": "7", "me": True}],
        "lastModifyingUser": {"displayName": "Ada", "permissionId": "7", "me": True},
        "capabilities": {"canEdit": True, "canRename": False},
    },
}
