using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using Jobs.Downstream;
using Weir;

namespace Jobs.SignUp;

public sealed record AvatarRequest([property: StringLength(64, MinimumLength = 1)] string UserId, [property: Range(16, 1024)] int Size = 128);

[Job("avatar.render", Queue = Queue.Bulk, Owner = "growth", Retry = "quick",
    DependsOn = ["avatar"], Description = "Draws the picture of a user who has none, and stores it.", SideEffects = "One file, by user id: repeating it writes the same file.")]
public sealed class RenderAvatar(DownstreamClient downstream) : IJobHandler<AvatarRequest>
{
    private const int Cells = 5;

    public async Task<object?> RunAsync(AvatarRequest job, JobContext context, CancellationToken cancellation)
    {
        var svg = Draw(job.UserId, job.Size);
        var file = await downstream.CallAsync("avatar", new { name = $"{job.UserId}.svg", content = svg }, context.IdempotencyKey, cancellation);
        return new { file = file.Reference, bytes = Encoding.UTF8.GetByteCount(svg) };
    }

    /// <summary>A mirrored 5 x 5 pattern whose cells and hue come from the user's id, so that the same user always looks the same.</summary>
    private static string Draw(string userId, int size)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(userId));
        var svg = new StringBuilder($"<svg xmlns='http://www.w3.org/2000/svg' width='{size}' height='{size}' viewBox='0 0 {Cells} {Cells}' fill='hsl({hash[31] * 360 / 256},55%,50%)'>");
        for (var x = 0; x < Cells; x++)
        {
            for (var y = 0; y < Cells; y++)
            {
                var column = Math.Min(x, Cells - 1 - x);
                if ((hash[column * Cells + y] & 1) == 1)
                    svg.Append($"<rect x='{x}' y='{y}' width='1' height='1'/>");
            }
        }
        return svg.Append("</svg>").ToString();
    }
}
