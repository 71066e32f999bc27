-- A database of the first version, as its server left it: one session with a lamp, and two tasks. Made by 'sqlite3 lite-agent.db .dump'.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
INSERT INTO kysely_migration VALUES('0001-sessions','2026-11-28T20:14:01.426Z');
INSERT INTO kysely_migration VALUES('0002-stopping','2026-11-28T20:14:01.428Z');
INSERT INTO kysely_migration VALUES('0003-accounts','2026-11-28T20:14:01.439Z');
CREATE TABLE IF NOT EXISTS "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
INSERT INTO kysely_migration_lock VALUES('migration_lock',0);
CREATE TABLE IF NOT EXISTS "sessions" ("id" text primary key, "owner" text not null, "config" text not null, "created_at" bigint not null, "expires_at" bigint, "epoch" bigint not null, "node" text, "lease_until" bigint not null);
INSERT INTO sessions VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05','anonymous','v1.Go+ETb2rFzOxQtYVpjM0rcS4erkoLwEMlqdgkeZytRfDj1vFVZm87eolo1dR6GbxgDmfaMk1jRf1pK3sJkNwYS4pLSbnEPNSe5PId6KWZT6YXZx07vKZWd7BAeCXO5LEKJH+IP0t2hBI0RxaSgFJOr+l9bUUhRAhaH+0VBWO4jkuBCPGou+u04qeRxkH+8EqnPVoNgUbudkDDVorQ7v5VtXmbxhXsA2tOdEgIllpxzB4NhY5QK/u3jXHNpRQLyhbR5X0dxb1OkjorNaoWDFc6OtyWz/ZD8fsNA7t7VuD0CB0d46iNRu1VRA/vM7NWhmnrpE5uct8QIvte7kA5qjdNMLoVsVZIgqiY9tVAaEg2QK3lPz4Su7mOR5EEMRscKzVX4bYf/Z+PejxZfq6B0ncXOcSZmyM8LuwwgzCBrXvJPKyQwuFiEV/pvh0Yc+Ya5IAraAui9+KgYBfkgyv1jvNvNcz+VGxFS/N36NFrVgaSmi/ZBxwuHubTZRfl5LyWJsAFTElTDKQLOdPMlucVoS3RoTQ9IrgeE7E/gs6EteXjagTXJK+ut8edp7uDvL0fKuB8tiGSLEuEDuANZOEOq2Ru4IOx59RuO03ytfDvD9y7aDPtR1pd27d8J2y0T4q8oHu+5uH79gxcKue6KNNRAoUpm0Ft9ksCafIZD1Eh1X/qJqIi5H8i7UKbwmR1o7uvxlOXQmeHCEMl8w9ppLHDI41KKnzkbqu4udWuNM8lzuDm5184+bm1hpQdMD/4k5a6S4nlb6gKAMvXv20oSAnXITGJZmDIPowwM8rAdJFmjWL4lixtCrERaZ6ZfgfyMmFX33HxsMBjQIH7mhRUWoLimk87gxTdsqWGff+cMqxbj/RckajkPW8ozPxvJVY3SaR3UUSpNkTQRcKPN55kZsgBZKWSwikyMcUX7BLPo1MpVZTgGEfonTa/JRkZyPMKH5mbc+c8OX3mWuUmY/r0nWcGeDKcRKBWxDZqwA79Tj04Jc0Q7wmqYl1B0h9CiuanoRpUW2h69v1bFptpu3Dj+55MqsI5plEKDlAf7rPhKC476RyUkELEVp5wVadaw5nGuepCh9HB3HSsMlC7++u3Ktr5GhGho1ZSHFlxSAZWO3G34Uii1LNU7YS/C76KzK0/XgDpK4lbqEhKRb9OLWvqHRUNaOhEM9wqeXkQJvFAda+B7I3DdQ8qu0TxXXzchz1RUcj5+fvfwNnA2Ab1Lh3LIqXfT+koiqsnjgnGBDA+Rs6tAY/NnYENaXFC3585Q3r4fd0/j6ZfbaEVgbpQ3U5IC1tMvfPY82UcGVye9tb8FO/2HE4x5I+WJbBu2GKMg2d8ngFr6BzpoVG9FyzBqhL8kuLAWzuqfdij5at6lBzhofjWQ==',1795896869766,NULL,1,'301a5049-4c4a-4320-9fce-91cec7b7c155',1795896879769);
CREATE TABLE IF NOT EXISTS "messages" ("session_id" text not null, "seq" bigint not null, "time" bigint not null, "body" text not null, constraint "messages_pk" primary key ("session_id", "seq")) without rowid;
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',1,1795896869766,'{"type":"session_started","systemPrompt":"You help at home."}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',2,1795896869977,'{"type":"task_started","taskId":"6090957b-ac7c-4b9e-a4f5-af1a70505ae9","form":"text","content":[{"type":"text","text":"set the brightness to 42"}]}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',3,1795896870015,'{"type":"model_reply","taskId":"6090957b-ac7c-4b9e-a4f5-af1a70505ae9","text":"","calls":[{"callId":"call_demo_2_1","name":"set_brightness","arguments":{"brightness":42}}],"completion":{"id":"demo-2","model":"demo","usage":{"promptTokens":0,"completionTokens":0,"totalTokens":0}}}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',4,1795896870399,'{"type":"tool_result","taskId":"6090957b-ac7c-4b9e-a4f5-af1a70505ae9","callId":"call_demo_2_1","result":{"statusCode":200,"body":"{}"},"roundDone":true}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',5,1795896870411,'{"type":"model_reply","taskId":"6090957b-ac7c-4b9e-a4f5-af1a70505ae9","text":"Done: Set brightness (brightness 42).","calls":[],"completion":{"id":"demo-4","model":"demo","usage":{"promptTokens":0,"completionTokens":0,"totalTokens":0}}}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',6,1795896870411,'{"type":"task_ended","taskId":"6090957b-ac7c-4b9e-a4f5-af1a70505ae9","status":"done"}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',7,1795896870435,'{"type":"task_started","taskId":"9ee9f1c3-c941-40dd-8739-b338da711317","form":"text","content":[{"type":"text","text":"get the state"}]}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',8,1795896870436,'{"type":"model_reply","taskId":"9ee9f1c3-c941-40dd-8739-b338da711317","text":"","calls":[{"callId":"call_demo_6_1","name":"get_state","arguments":{}}],"completion":{"id":"demo-6","model":"demo","usage":{"promptTokens":0,"completionTokens":0,"totalTokens":0}}}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',9,1795896870462,'{"type":"tool_result","taskId":"9ee9f1c3-c941-40dd-8739-b338da711317","callId":"call_demo_6_1","result":{"statusCode":200,"body":"{}"},"roundDone":true}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',10,1795896870466,'{"type":"model_reply","taskId":"9ee9f1c3-c941-40dd-8739-b338da711317","text":"State: nothing.","calls":[],"completion":{"id":"demo-8","model":"demo","usage":{"promptTokens":0,"completionTokens":0,"totalTokens":0}}}');
INSERT INTO messages VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',11,1795896870466,'{"type":"task_ended","taskId":"9ee9f1c3-c941-40dd-8739-b338da711317","status":"done"}');
CREATE TABLE IF NOT EXISTS "tasks" ("session_id" text not null, "task_id" text not null, "position" bigint not null, "body" text not null, "stream" integer not null, "status" text not null, "stopping" integer default 0 not null, constraint "tasks_pk" primary key ("session_id", "task_id")) without rowid;
INSERT INTO tasks VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05','6090957b-ac7c-4b9e-a4f5-af1a70505ae9',1795896869978000,'{"form":"text","content":[{"type":"text","text":"set the brightness to 42"}]}',0,'done',0);
INSERT INTO tasks VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05','9ee9f1c3-c941-40dd-8739-b338da711317',1795896870435000,'{"form":"text","content":[{"type":"text","text":"get the state"}]}',0,'done',0);
CREATE TABLE IF NOT EXISTS "calls" ("session_id" text not null, "seq" bigint not null, "call_id" text not null, "task_id" text not null, "tool" text not null, "arguments" text not null, "outcome" text not null, "sent_at" bigint not null, "settled_at" bigint, constraint "calls_pk" primary key ("session_id", "seq", "call_id")) without rowid;
INSERT INTO calls VALUES('6708e223-969a-4c1d-9e80-601ffb6a3c05',3,'call_demo_2_1','6090957b-ac7c-4b9e-a4f5-af1a70505ae9','set_brightness','{"brightness":42}','done',1795896870327,1795896870400);
CREATE TABLE IF NOT EXISTS "controls" ("session_id" text not null, "key" text not null, "position" bigint not null, "kind" text not null, "task_id" text, constraint "controls_pk" primary key ("session_id", "key")) without rowid;
CREATE TABLE IF NOT EXISTS "users" ("id" integer primary key autoincrement, "uuid" text not null unique, "name" text not null, "username" text, "username_key" text unique, "email" text, "email_key" text unique, "role" text not null, "scopes" text not null, "password" text, "disabled_at" bigint, "revoked_at" bigint, "created_at" bigint not null, "updated_at" bigint not null);
CREATE TABLE IF NOT EXISTS "identities" ("provider" text not null, "issuer" text not null, "subject" text not null, "user_uuid" text not null, "created_at" bigint not null, constraint "identities_pk" primary key ("provider", "issuer", "subject"));
CREATE TABLE IF NOT EXISTS "sign_ins" ("id" text primary key, "user_uuid" text not null, "method" text not null, "address" text, "agent" text, "created_at" bigint not null, "used_at" bigint not null, "access_ms" bigint not null, "idle_ms" bigint not null, "until" bigint not null, "ended_at" bigint);
CREATE TABLE IF NOT EXISTS "refresh_tokens" ("hash" text primary key, "sign_in_id" text not null, "child_hash" text, "rotated_at" bigint);
CREATE TABLE IF NOT EXISTS "api_keys" ("id" text primary key, "hash" text not null unique, "user_uuid" text not null, "name" text not null, "hint" text not null, "scopes" text not null, "created_at" bigint not null, "used_at" bigint, "until" bigint, "ended_at" bigint);
CREATE TABLE IF NOT EXISTS "vouchers" ("hash" text primary key, "kind" text not null, "body" text not null, "until" bigint not null);
CREATE TABLE IF NOT EXISTS "text_codes" ("telephone" text primary key, "hash" text not null, "attempts" integer not null, "sent_at" bigint not null, "until" bigint not null);
CREATE TABLE IF NOT EXISTS "failures" ("key" text primary key, "count" integer not null, "at" bigint not null, "until" bigint not null);
CREATE TABLE IF NOT EXISTS "audit" ("id" integer primary key autoincrement, "at" bigint not null, "event" text not null, "user_uuid" text, "address" text, "detail" text not null);
DELETE FROM sqlite_sequence;
CREATE INDEX "sessions_by_owner" on "sessions" ("owner");
CREATE INDEX "sessions_by_expiry" on "sessions" ("expires_at");
CREATE INDEX "tasks_open" on "tasks" ("session_id", "position") where "status" = 'open';
CREATE INDEX "users_by_revocation" on "users" ("revoked_at");
CREATE INDEX "identities_by_user" on "identities" ("user_uuid");
CREATE VIEW user_list (id, telephone_num, github_id, google_id, uuid) as
      select id,
        (select max(subject) from identities where user_uuid = users.uuid and provider = 'telephone'),
        (select max(subject) from identities where user_uuid = users.uuid and provider = 'github'),
        (select max(subject) from identities where user_uuid = users.uuid and provider = 'google'),
        uuid
      from users;
CREATE INDEX "sign_ins_by_user" on "sign_ins" ("user_uuid");
CREATE INDEX "sign_ins_by_end" on "sign_ins" ("ended_at");
CREATE INDEX "sign_ins_until" on "sign_ins" ("until");
CREATE INDEX "refresh_tokens_by_sign_in" on "refresh_tokens" ("sign_in_id");
CREATE INDEX "api_keys_by_user" on "api_keys" ("user_uuid");
CREATE INDEX "api_keys_by_end" on "api_keys" ("ended_at");
CREATE INDEX "vouchers_until" on "vouchers" ("until");
CREATE INDEX "audit_by_user" on "audit" ("user_uuid");
CREATE TRIGGER audit_no_update before update on audit begin select raise(abort, 'audit is append-only'); end;
CREATE TRIGGER audit_no_delete before delete on audit begin select raise(abort, 'audit is append-only'); end;
COMMIT;
