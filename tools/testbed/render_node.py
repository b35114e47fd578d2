# SPDX-License-Identifier: GPL-2.0-or-later
"""A place where clients of Intel's drivers find a GPU that is none: a render node (/dev/null) of the kernel driver i915,
the software VA-API driver by the name of Intel's, and the software oneVPL runtime, by the dispatchers' ways.

    node = RenderNode(tmp_path, build / "lib")
    node.run("ffmpeg", ..., "-c:v", "h264_qsv", ...)

Needs gcc, and root. It lasts as long as the client runs: a mount namespace of its own.
"""
import os
import pathlib
import subprocess

# libdrm takes a character device for a node of DRM if it has this entry in sysfs.
SYSFS = 'mount -t tmpfs none /sys/dev/char && mkdir -p /sys/dev/char/1:3/device/drm && exec "$@"'
NODE = ('D=$(mktemp -d) && mount --rbind /dev "$D" && mount -t tmpfs none /dev && mkdir /dev/dri /dev/shm && '
        'for f in null zero urandom random; do touch /dev/$f && mount --bind "$D/$f" /dev/$f; done && '
        'mount --bind "$D/shm" /dev/shm && touch /dev/dri/renderD128 && mount --bind "$D/null" /dev/dri/renderD128 && '
        + SYSFS)


class RenderNode:
    def __init__(self, folder, libraries):
        """libraries: the folder of libvplswref64.so.1, with va/softva_drv_video.so below it."""
        self.folder, libraries = pathlib.Path(folder), pathlib.Path(libraries).resolve()
        (self.folder / "iHD_drv_video.so").symlink_to(libraries / "va" / "softva_drv_video.so")
        # the dispatcher of API 1.x looks for no other name where there is no Intel GPU
        (self.folder / "libmfx-gen.so.1.2").symlink_to(libraries / "libvplswref64.so.1")
        subprocess.run(["gcc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-I/usr/include/libdrm", "-o", self.folder / "shim.so",
                        pathlib.Path(__file__).with_name("render_node_shim.c")], check=True)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("ONEVPL_", "LIBVA_", "LD_LIBRARY_PATH", "BIPLANE_SOFTVPL_"))}
        self.environment.update(LIBVA_DRIVERS_PATH=str(self.folder), ONEVPL_PRIORITY_PATH=str(libraries))

    def run(self, *arguments, **more):
        """What the client printed; it has to end well. more: its environment."""
        shim = ["env", f"LD_PRELOAD={self.folder}/shim.so", f"LD_LIBRARY_PATH={self.folder}"]
        done = subprocess.run(["unshare", "--mount", "sh", "-c", NODE, "sh", *shim, *(str(a) for a in arguments)],
                              env={**self.environment, **more}, timeout=240, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
        return done.stdout
