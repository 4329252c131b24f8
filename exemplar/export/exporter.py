"""Write an export, part by part, and continue one that was interrupted."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier, verify_inclusion
from exemplar.export import commit_lines
from exemplar.export.commit_lines import CommitLine
from exemplar.export.folder import ExportFolder
from exemplar.export.picture_rows import PictureRow, generations_of, rows_of
from exemplar.export.request import Contents, json_line
from exemplar.export.scripts import part_script, streams_script
from exemplar.export.stream_index import StreamIndex
from exemplar.export.target import Target
from store.audit.audit_log import AuditLog, SealedBody
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.inclusion_proofs import InclusionProofs
from store.audit.picture_sources import PictureSources
from store.errors import DamagedBlobError
from store.generations.blobs import BlobStore

PART: Final = 500  # commits

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Read the log in parts of at most 500 commits; memory: one part, one picture."""

    audit_log: AuditLog
    checkpoints: Checkpoints
    inclusion_proofs: InclusionProofs
    picture_sources: PictureSources
    blobs: BlobStore

    async def export(self, target: Target, progress: Progress) -> Contents:
        """Write what is missing; raises ContradictionError for a log that is not the signed one.

        A part that is complete is only compared with the pictures that still exist.
        """
        folder, size = target.folder, target.checkpoint.size
        if target.request.is_whole:
            await self._require_root(target.checkpoint)
        target.begin()
        contents = Contents()
        with closing(StreamIndex(folder.partial / "streams.sqlite")) as index:
            async for commits, is_new in self._parts(target):
                contents.parts.append(commits[0].position)
                rows = await self._write_part(target, len(contents.parts), commits, is_new=is_new)
                index.add(len(contents.parts), commits)
                contents.commits += len(commits)
                contents.events += sum(len(one.events) for one in commits)
                contents.pictures += rows
                progress(commits[-1].position, size)
            for page, (first, lines) in enumerate(index.pages(), 1):
                contents.streams.append(first)
                folder.write(f"viewer/streams/{page:06}.js", streams_script(page, lines))
        target.finish(contents)
        return contents

    async def _parts(self, target: Target) -> AsyncIterator[tuple[Sequence[CommitLine], bool]]:
        """Read the parts that are written, then the others from the log, each with whether it is new."""
        reached, number, size = 0, 0, target.checkpoint.size
        while reached < size:
            number += 1
            kept = target.folder.read(f"events/{number:06}.ndjson")
            commits = commit_lines.read(kept) if kept else await self._read(target, reached)
            if not commits:
                return
            yield commits, not kept
            reached = commits[-1].position

    async def _read(self, target: Target, reached: int) -> Sequence[CommitLine]:
        wanted, size = target.request.filter, target.checkpoint.size
        found = await self.audit_log.bodies(wanted, reached + 1, size, limit=PART)
        positions = [one.position for one in found]
        if target.request.is_whole and positions != [*range(reached + 1, min(reached + PART, size) + 1)]:
            raise ContradictionError(f"position {reached + 1} or one soon after it is missing", reached + 1)
        return [commit_lines.written(one, await self._proof(target, one)) for one in found]

    async def _proof(self, target: Target, sealed: SealedBody) -> Sequence[bytes] | None:
        if target.request.is_whole:
            return None
        index, checkpoint = sealed.position - 1, target.checkpoint
        proof = await self.inclusion_proofs.of(index, checkpoint.size)
        if not verify_inclusion(sealed.leaf, index, checkpoint.size, proof, checkpoint.root):
            message = f"position {sealed.position} is not what was signed at {checkpoint.size}"
            raise ContradictionError(message, sealed.position)
        return proof

    async def _write_part(self, target: Target, number: int, commits: Sequence[CommitLine], *, is_new: bool) -> int:
        """Write a part, its events last; return the number of pictures."""
        folder, name = target.folder, f"{number:06}"
        rows = await self._rows(commits, f"pictures/{name}") if target.request.with_pictures else []
        if is_new or not self._is_current(folder, name, rows):
            rows = [row for row in rows if await self._write_picture(folder, row)]
            folder.keep(f"pictures/{name}", {row.file for row in rows})
            lines, told = [one.line for one in commits], _told(rows)
            folder.write(f"viewer/parts/{name}.js", part_script(number, lines, told))
            folder.write(f"pictures/{name}.ndjson", _lines(told))
            folder.write(f"events/{name}.ndjson", _lines(lines))
        return len(rows)

    @staticmethod
    def _is_current(folder: ExportFolder, name: str, rows: Sequence[PictureRow]) -> bool:
        told = folder.read(f"pictures/{name}.ndjson") == _lines(_told(rows))
        return told and all(folder.has(row.file) for row in rows)

    async def _rows(self, commits: Sequence[CommitLine], folder: str) -> Sequence[PictureRow]:
        sources = await self.picture_sources.of(generations_of(commits))
        return list(rows_of(commits, sources, folder))

    async def _write_picture(self, folder: ExportFolder, row: PictureRow) -> bool:
        """Write a picture; False for one that was deleted meanwhile. Raises ContradictionError for another picture."""
        if folder.has(row.file):
            return True
        try:
            blob = await self.blobs.get(row.generation, row.digest)
        except DamagedBlobError:
            blob, is_sound = None, False
        else:
            is_sound = blob is None or (blob.sha256 == row.sha256 and row.is_of(blob.data))
        if not is_sound:
            raise ContradictionError(f"position {row.position}: picture {row.digest} is not the recorded", row.position)
        if blob is not None:
            folder.write(row.file, blob.data)
        return blob is not None

    async def _require_root(self, checkpoint: StoredCheckpoint) -> None:
        grown = await self.checkpoints.grown(Frontier(), checkpoint.size)
        if grown.root() != checkpoint.root:
            raise ContradictionError(f"the log is not the one that was signed at {checkpoint.size}", checkpoint.size)


def _told(rows: Sequence[PictureRow]) -> Sequence[bytes]:
    return [json_line(asdict(row)) for row in rows]


def _lines(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
