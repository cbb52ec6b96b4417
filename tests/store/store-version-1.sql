BEGIN TRANSACTION;
CREATE TABLE change (
    experiment INTEGER PRIMARY KEY,
    uid TEXT NOT NULL,
    seq INTEGER NOT NULL
);
INSERT INTO "change" VALUES(0,'',2);
INSERT INTO "change" VALUES(1,'uid-of-full',2);
CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    experiment INTEGER NOT NULL,
    object TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    time INTEGER NOT NULL,
    warning INTEGER NOT NULL
);
INSERT INTO "event" VALUES(1,1,'full','Created','made',1772366400000000,1);
CREATE TABLE experiment (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    phase TEXT NOT NULL,
    generation INTEGER NOT NULL,
    seed TEXT NOT NULL,             -- text, since a seed may be larger than 64 bits
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    exhausted TEXT NOT NULL,
    intent TEXT NOT NULL,           -- JSON
    ending TEXT,                    -- JSON: [succeeded, reason, message]
    conditions TEXT NOT NULL,       -- JSON
    settings TEXT NOT NULL,         -- JSON
    source TEXT NOT NULL,           -- JSON: the Experiment as it was read
    compiled TEXT NOT NULL,         -- JSON: its template
    UNIQUE (namespace, name)
);
INSERT INTO "experiment" VALUES(1,'uid-of-full','team-a','full',1,'Succeeded',3,'1180591620717411303425',1772366460000001,1772366760000006,1772366820000007,'the grid has no more points','{"state":"Pause","parallelTrials":4,"maxTrials":12,"maxFailedTrials":2}','[true,"GoalReached","accuracy reached 0.99"]','[["Created",true,"ExperimentCreated","Experiment is created",1772366520000002,1772366580000003],["Succeeded",false,"Goal","Not yet",1772366640000004,1772366700000005]]','{"images":{"mnist":"/opt/stand-in"}}','{"spec":{"text":"quotes \" and \\ and \u00fcn\u00efcode \ud83d\ude00","list":[1,2.5,null,true,{"deep":[]}]}}','{"tree":{"replicas":2}}');
CREATE TABLE garbage (
    experiment INTEGER PRIMARY KEY
);
CREATE TABLE lease (
    experiment_uid TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires REAL NOT NULL           -- seconds since the epoch
) WITHOUT ROWID;
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
INSERT INTO "meta" VALUES('schema_version',1);
INSERT INTO "meta" VALUES('store_id','3bf2abb8f3fb378e');
CREATE TABLE point (
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    source INTEGER NOT NULL,        -- source.number
    seq INTEGER NOT NULL,
    name TEXT NOT NULL,
    step,                           -- an integer; text where it is larger than 64 bits
    time REAL,                      -- seconds since the epoch, as the source gives it
    value REAL,
    text TEXT,                      -- a value that is text; neither value nor text: nan
    PRIMARY KEY (trial, attempt, source, seq)
) WITHOUT ROWID;
INSERT INTO "point" VALUES(4294967299,2,0,0,'loss',1,2.0,0.5,NULL);
CREATE TABLE source (
    trial INTEGER NOT NULL,         -- trial.id
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- from 0 in each attempt
    name TEXT NOT NULL,
    position INTEGER NOT NULL,      -- how far it was read: the cursor's offset and token
    token TEXT NOT NULL,
    gap TEXT NOT NULL,              -- what was lost, empty for nothing
    PRIMARY KEY (trial, attempt, number)
) WITHOUT ROWID;
INSERT INTO "source" VALUES(4294967299,2,0,'pod/main',10,'t','gap');
CREATE TABLE trial (
    id INTEGER PRIMARY KEY,         -- see `trial_id`
    version INTEGER NOT NULL,
    phase TEXT NOT NULL,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    parent INTEGER,
    completion INTEGER,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    assignments TEXT NOT NULL,      -- JSON
    labels TEXT,                    -- JSON, null for none
    search_state TEXT,              -- JSON
    observation TEXT,               -- JSON: [[metric, min, max, latest, text], ...]
    attempts TEXT NOT NULL          -- JSON, oldest first; fields that have their default are left out
);
INSERT INTO "trial" VALUES(4294967299,1,'EarlyStopped','uid-of-full-trial','full-trial','TrialEarlyStopped','stopped by ''rule''',1,5,1772367600000020,1772367660000021,1772367720000022,'{"lr":1e-300,"layers":4611686018427387904,"optimizer":"adam, \u00fcn\u00efcode","whole":1.0,"third":0.30000000000000004}','{"trialmill.dev/rung":"2"}','{"rung":2,"weights":[0.5,-1.0]}','[["accuracy",0.1,0.9,0.8,null],["cell",null,null,null,"conv,pool"],["loss",null,null,null,null]]','[{"number":1,"cause":"First","name":"full-trial","created":1772367600000020,"phase":"Pending"},{"number":2,"cause":"Promotion","name":"sample-00000003-2","created":1772367000000010,"phase":"Ended","uid":"resource-uid","handle":{"folder":"trials/3/2","group":4711,"list":[1,null]},"budget":["epochs",27.0,true],"restoreFrom":[1,2],"started":1772367060000011,"finished":1772367120000012,"verdict":["Failed","BackoffLimitExceeded","exit code 1","condition"],"stop":"DeadlineExceeded","suspendedSince":1772367180000013,"suspendedFor":34560000000001,"notBefore":1772367240000014}]');
CREATE INDEX event_by_experiment ON event (experiment);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('experiment',1);
COMMIT;
