#pragma once
// Messages as ipykernel 7.4.0 sent them, frame by frame: none is edited.

#include <string_view>
#include <vector>

namespace kmux::captures {

inline constexpr std::string_view key = "5c1f0e6a-capture-key";

struct capture {
  std::string_view channel, msg_type;
  std::vector<std::string_view> frames;
};

// clang-format off
inline const std::vector<capture> ipykernel = {
    {"iopub", "iopub_welcome", {
        R"~(<IDS|MSG>)~",
        R"~(6d72acb44d8748a797d6492d04f8580ee14f84eafeb7ef09b07f123a5c6a2c6e)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_5", "msg_type": "iopub_welcome", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:57.658183Z", "version": "5.4"})~",
        R"~({})~",
        R"~({})~",
        R"~({"subscription": ""})~",
    }},
    {"iopub", "status", {
        R"~(kernel.efe50b84-ef4d-404c-aae6-1e1e3576642a.status)~",
        R"~(<IDS|MSG>)~",
        R"~(30a60d6a9c2778ee33cede4354f1c4db2b691495dedaa8fa2f5ec5e5e9fc722a)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_6", "msg_type": "status", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.188587Z", "version": "5.4"})~",
        R"~({"msg_id": "client_2593_0", "msg_type": "execute_request", "username": "me", "session": "client", "date": "2026-11-24T02:48:59.186825Z", "version": "5.4"})~",
        R"~({})~",
        R"~({"execution_state": "busy"})~",
    }},
    {"iopub", "comm_open", {
        R"~(comm-395cdbffe6c0448eb702f0614c860ea7)~",
        R"~(<IDS|MSG>)~",
        R"~(4a3adaadb8043db9a7f4b71ca8a4c4fcdb94ac45216874aa2373bbc1ea46e0e2)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_8", "msg_type": "comm_open", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.246160Z", "version": "5.4"})~",
        R"~({"msg_id": "client_2593_0", "msg_type": "execute_request", "username": "me", "session": "client", "date": "2026-11-24T02:48:59.186825Z", "version": "5.4"})~",
        R"~({})~",
        R"~({"data": {"nan": "nan"}, "comm_id": "395cdbffe6c0448eb702f0614c860ea7", "target_name": "t", "target_module": null})~",
    }},
    {"iopub", "comm_msg", {
        R"~(comm-395cdbffe6c0448eb702f0614c860ea7)~",
        R"~(<IDS|MSG>)~",
        R"~(ea50ca651ad7fd51fe31fb892ed92c020c8eec261c9fa75d2387825ca7e7d609)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_9", "msg_type": "comm_msg", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.248577Z", "version": "5.4"})~",
        R"~({"msg_id": "client_2593_0", "msg_type": "execute_request", "username": "me", "session": "client", "date": "2026-11-24T02:48:59.186825Z", "version": "5.4"})~",
        R"~({})~",
        R"~({"data": {}, "comm_id": "395cdbffe6c0448eb702f0614c860ea7"})~",
        R"~(ab)~",
        R"~()~",
    }},
    {"iopub", "stream", {
        R"~(stream.stdout)~",
        R"~(<IDS|MSG>)~",
        R"~(90f0fead5e459829f7bc8a5dc086cad8ba3c72596360af0dd18b2c61132486ec)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_10", "msg_type": "stream", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.336054Z", "version": "5.4"})~",
        R"~({"msg_type": "execute_request", "date": "2026-11-24T02:48:59.186825Z", "username": "me", "session": "client", "msg_id": "client_2593_0", "version": "5.4"})~",
        R"~({})~",
        R"~({"name": "stdout", "text": "é\n"})~",
    }},
    {"iopub", "error", {
        R"~(kernel.efe50b84-ef4d-404c-aae6-1e1e3576642a.error)~",
        R"~(<IDS|MSG>)~",
        R"~(6b4622a16b3bfd27583ec25ac57b2964907cc10ceb4c79daa6800746b51fc109)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_12", "msg_type": "error", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.337049Z", "version": "5.4"})~",
        R"~({"msg_id": "client_2593_0", "msg_type": "execute_request", "username": "me", "session": "client", "date": "2026-11-24T02:48:59.186825Z", "version": "5.4"})~",
        R"~({})~",
        R"~({"traceback": ["\u001b[31m---------------------------------------------------------------------------\u001b[39m", "\u001b[31mZeroDivisionError\u001b[39m                         Traceback (most recent call last)", "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[1]\u001b[39m\u001b[32m, line 5\u001b[39m\n\u001b[32m      1\u001b[39m \u001b[38;5;28;01mfrom\u001b[39;00m comm \u001b[38;5;28;01mimport\u001b[39;00m create_comm\n\u001b[32m      2\u001b[39m print(\u001b[33m'é'\u001b[39m)\n\u001b[32m      3\u001b[39m cm=create_comm(target_name=\u001b[33m't'\u001b[39m,data={\u001b[33m'nan'\u001b[39m:float(\u001b[33m'nan'\u001b[39m)})\n\u001b[32m      4\u001b[39m cm.send({}, buffers=[\u001b[33mb'ab'\u001b[39m, \u001b[33mb''\u001b[39m])\n\u001b[32m----> \u001b[39m\u001b[32m5\u001b[39m \u001b[32m1\u001b[39m/\u001b[32m0\u001b[39m\n", "\u001b[31mZeroDivisionError\u001b[39m: division by zero"], "ename": "ZeroDivisionError", "evalue": "division by zero"})~",
    }},
    {"shell", "execute_reply", {
        R"~(<IDS|MSG>)~",
        R"~(f8f9d2a190ede11635ca37f4770fbd219e733c7f5c1f5c1a052d3fafa4a16405)~",
        R"~({"msg_id": "1b05b5aa-b44411f583a8ce2c31b301c4_2594_13", "msg_type": "execute_reply", "username": "username", "session": "1b05b5aa-b44411f583a8ce2c31b301c4", "date": "2026-11-24T02:48:59.353826Z", "version": "5.4"})~",
        R"~({"msg_id": "client_2593_0", "msg_type": "execute_request", "username": "me", "session": "client", "date": "2026-11-24T02:48:59.186825Z", "version": "5.4"})~",
        R"~({"started": "2026-11-24T02:48:59.188883Z", "dependencies_met": true, "engine": "efe50b84-ef4d-404c-aae6-1e1e3576642a", "status": "error"})~",
        R"~({"status": "error", "traceback": ["\u001b[31m---------------------------------------------------------------------------\u001b[39m", "\u001b[31mZeroDivisionError\u001b[39m                         Traceback (most recent call last)", "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[1]\u001b[39m\u001b[32m, line 5\u001b[39m\n\u001b[32m      1\u001b[39m \u001b[38;5;28;01mfrom\u001b[39;00m comm \u001b[38;5;28;01mimport\u001b[39;00m create_comm\n\u001b[32m      2\u001b[39m print(\u001b[33m'é'\u001b[39m)\n\u001b[32m      3\u001b[39m cm=create_comm(target_name=\u001b[33m't'\u001b[39m,data={\u001b[33m'nan'\u001b[39m:float(\u001b[33m'nan'\u001b[39m)})\n\u001b[32m      4\u001b[39m cm.send({}, buffers=[\u001b[33mb'ab'\u001b[39m, \u001b[33mb''\u001b[39m])\n\u001b[32m----> \u001b[39m\u001b[32m5\u001b[39m \u001b[32m1\u001b[39m/\u001b[32m0\u001b[39m\n", "\u001b[31mZeroDivisionError\u001b[39m: division by zero"], "ename": "ZeroDivisionError", "evalue": "division by zero", "engine_info": {"engine_uuid": "efe50b84-ef4d-404c-aae6-1e1e3576642a", "engine_id": -1, "method": "execute"}, "execution_count": 1, "user_expressions": {}, "payload": []})~",
    }},
};
// clang-format on

}  // namespace kmux::captures
