#!/usr/bin/python3
"""A real RTSP server that nobody here wrote (GStreamer's), for tests of the camera side.

usage: gst-rtsp-server.py [--user U --password P] [--basic] [--tls FILE.pem] [--size WxH] [--fps N] [--port N] [--codec h264|h265] [--audio aac|alaw|mulaw]
--tls: certificate and key in one PEM file; then it serves rtsps and needs a user.
Prints {"port": N} on stdout when it serves rtsp://127.0.0.1:N/live, then serves until stdin ends.
"""
import argparse
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

arguments = argparse.ArgumentParser()
arguments.add_argument("--user")
arguments.add_argument("--password")
arguments.add_argument("--basic", action="store_true")
arguments.add_argument("--tls")
arguments.add_argument("--size", default="640x360")
arguments.add_argument("--fps", type=int, default=10)
arguments.add_argument("--port", default="0")
arguments.add_argument("--codec", choices=["h264", "h265"], default="h264")
arguments.add_argument("--audio", choices=["aac", "alaw", "mulaw"])
given = arguments.parse_args()

Gst.init(None)
width, height = given.size.split("x")
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(given.port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
encoders = {
    "h264": f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={given.fps} bitrate=800 ! rtph264pay",
    "h265": f"x265enc tune=zerolatency speed-preset=ultrafast key-int-max={given.fps} bitrate=800 ! rtph265pay",
}
audio = {
    None: "",
    "aac": "! audio/x-raw,rate=16000,channels=1 ! voaacenc ! rtpmp4gpay",
    "alaw": "! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay",
    "mulaw": "! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay",
}[given.audio]
if audio:
    types = {"aac": 97, "alaw": 8, "mulaw": 0}
    audio = f"audiotestsrc is-live=true freq=440 ! audioconvert {audio} name=pay1 pt={types[given.audio]}"
factory.set_launch(
    f"( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate={given.fps}/1 "
    f"! {encoders[given.codec]} name=pay0 pt=96 config-interval=1 {audio} )"
)
if given.user:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if given.basic:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(given.user, given.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(given.user, given.password, token)
    if given.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(given.tls))
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
loop = GLib.MainLoop()
print(json.dumps({"port": server.get_bound_port()}), flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
loop.run()
